"""Speaks PKCS#11 (v2.40) to a vendor's library for Sallyport: run by this host's own Python, one JSON line each way.

A token's library is made for the host's C library, and Sallyport's file carries its own; so the library is loaded
here, in a process of its own that ends with its standard input. Written for Python 3.6 and the standard library alone.
The first line opens the token: module, token (what must match), pin. Then: keys, sign, hmac, encrypt, decrypt.
Bytes are base64. No answer and no error holds the PIN, a key or what was decrypted in an error.
"""

import base64
import ctypes
import json
import sys

ULONG = ctypes.c_ulong
INITIALIZE, SLOTS, TOKEN, OPEN, LOGIN = 0, 4, 6, 12, 18
ATTRIBUTES, FIND_INIT, FIND, FIND_FINAL = 24, 26, 27, 28
ENCRYPT_INIT, ENCRYPT, DECRYPT_INIT, DECRYPT, SIGN_INIT, SIGN = 29, 30, 33, 34, 42, 43
CLASS, LABEL, KEY_TYPE, ID, EC_POINT = 0x0, 0x3, 0x100, 0x102, 0x181
PUBLIC, PRIVATE, SECRET = 2, 3, 4
GENERIC, AES, EDWARDS = 0x10, 0x1F, 0x40
EDDSA, HMAC, GCM = 0x1057, 0x251, 0x1087
FUNCTIONS = 68
SERIAL_SESSION, USER = 4, 1
ALREADY_LOGGED_IN, ALREADY_INITIALIZED = 0x100, 0x191
MOST = 64
WORDS = {
    0x30: "device error",
    0x32: "the device was removed",
    0x40: "the data does not fit the key",
    0x54: "the device does not offer this function",
    0x70: "the device does not offer this mechanism",
    0x82: "no such object",
    0xA0: "the PIN is wrong",
    0xA4: "the PIN is locked",
    0xE0: "the token is not there",
}


class Failed(Exception):
    """What the library said."""


class Attribute(ctypes.Structure):
    _fields_ = [("type", ULONG), ("value", ctypes.c_void_p), ("length", ULONG)]


class Mechanism(ctypes.Structure):
    _fields_ = [("mechanism", ULONG), ("parameter", ctypes.c_void_p), ("length", ULONG)]


class GcmParameters(ctypes.Structure):
    _fields_ = [
        ("iv", ctypes.c_void_p),
        ("iv_length", ULONG),
        ("iv_bits", ULONG),
        ("aad", ctypes.c_void_p),
        ("aad_length", ULONG),
        ("tag_bits", ULONG),
    ]


class Version(ctypes.Structure):
    _fields_ = [("major", ctypes.c_ubyte), ("minor", ctypes.c_ubyte)]


class Functions(ctypes.Structure):
    _fields_ = [("version", Version), ("functions", ctypes.c_void_p * FUNCTIONS)]


class Token:
    """One session with one token."""

    def __init__(self, module):
        library = ctypes.CDLL(module)
        found = ctypes.POINTER(Functions)()
        if library.C_GetFunctionList(ctypes.byref(found)):
            raise Failed("the library has no function list")
        self.library = library
        self.functions = found.contents.functions
        self.session = ULONG()

    def call(self, number, *arguments, **options):
        """One function by its place in the list; Failed unless it succeeds."""
        function = ctypes.CFUNCTYPE(ULONG, *[type(one) for one in arguments])(self.functions[number])
        result = function(*arguments)
        if result and result not in options.get("fine", ()):
            raise Failed(WORDS.get(result, "error 0x%x" % result))

    def open(self, wanted, pin):
        """Find the one token that matches, and sign in."""
        self.call(INITIALIZE, ctypes.c_void_p(None), fine=(ALREADY_INITIALIZED,))
        count = ULONG(MOST)
        slots = (ULONG * MOST)()
        self.call(SLOTS, ctypes.c_ubyte(1), ctypes.cast(slots, ctypes.c_void_p), pointer(count))
        matching = [slot for slot in slots[: count.value] if self.fits(slot, wanted)]
        if len(matching) != 1:
            raise Failed("%d tokens match" % len(matching))
        none = ctypes.c_void_p(None)
        self.call(OPEN, ULONG(matching[0]), ULONG(SERIAL_SESSION), none, none, pointer(self.session))
        if pin is not None:
            given = pin.encode()
            buffer = ctypes.create_string_buffer(given, len(given))
            self.call(
                LOGIN, self.session, ULONG(USER), address(buffer), ULONG(len(given)), fine=(ALREADY_LOGGED_IN,)
            )

    def fits(self, slot, wanted):
        """Whether the token in a slot has these members (RFC 7512)."""
        info = ctypes.create_string_buffer(512)
        self.call(TOKEN, ULONG(slot), address(info))
        raw = info.raw
        there = {
            "token": raw[0:32],
            "manufacturer": raw[32:64],
            "model": raw[64:80],
            "serial": raw[80:96],
            "slot-id": str(slot).encode(),
        }
        return all(there[name].decode("utf-8", "replace").rstrip(" \0") == text for name, text in wanted.items())

    def find(self, kind, key_type, label, identifier):
        """Handles of the objects that match."""
        pairs = [(CLASS, ulong(kind)), (KEY_TYPE, ulong(key_type))]
        if label:
            pairs.append((LABEL, label.encode()))
        if identifier:
            pairs.append((ID, identifier))
        buffers = [ctypes.create_string_buffer(value, len(value)) for _, value in pairs]
        template = (Attribute * len(pairs))()
        for place, (name, value) in enumerate(pairs):
            template[place] = Attribute(name, ctypes.addressof(buffers[place]), len(value))
        self.call(FIND_INIT, self.session, address(template), ULONG(len(pairs)))
        handles = (ULONG * MOST)()
        count = ULONG()
        self.call(FIND, self.session, address(handles), ULONG(MOST), pointer(count))
        self.call(FIND_FINAL, self.session)
        return list(handles[: count.value])

    def attribute(self, handle, name):
        """The bytes of an attribute."""
        buffer = ctypes.create_string_buffer(4096)
        wanted = Attribute(name, ctypes.addressof(buffer), len(buffer))
        self.call(ATTRIBUTES, self.session, ULONG(handle), pointer(wanted), ULONG(1))
        return buffer.raw[: wanted.length]

    def work(self, begin, do, handle, mechanism, data):
        """One operation of one part."""
        self.call(begin, self.session, pointer(mechanism), ULONG(handle))
        given = ctypes.create_string_buffer(data, len(data))
        out = ctypes.create_string_buffer(len(data) + 256)
        length = ULONG(len(out))
        self.call(do, self.session, address(given), ULONG(len(data)), address(out), pointer(length))
        return out.raw[: length.value]


def pointer(value):
    return ctypes.cast(ctypes.pointer(value), ctypes.c_void_p)


def address(buffer):
    return ctypes.cast(buffer, ctypes.c_void_p)


def ulong(number):
    return bytes(ULONG(number))


def keys(token, asked):
    """Keys of a kind: Ed25519 pairs by their public half, or pairs of an AES and a generic secret of one label and id."""
    label, identifier = asked.get("label"), decoded(asked.get("id", ""))
    found = []
    if asked["kind"] == "ed25519":
        for private in token.find(PRIVATE, EDWARDS, label, identifier):
            name = token.attribute(private, ID)
            for public in token.find(PUBLIC, EDWARDS, label, name)[:1]:
                point = token.attribute(public, EC_POINT)[-32:]
                found.append({"id": encoded(name), "handle": private, "public": encoded(point)})
    else:
        for aes in token.find(SECRET, AES, label, identifier):
            name = token.attribute(aes, ID)
            for generic in token.find(SECRET, GENERIC, label, name)[:1]:
                found.append({"id": encoded(name), "handle": aes, "second": generic})
    return sorted(found, key=lambda one: one["id"])


def crypt(token, asked, begin, do):
    iv, aad = decoded(asked["iv"]), decoded(asked["aad"])
    kept = [ctypes.create_string_buffer(part, len(part)) for part in (iv, aad)]
    parameters = GcmParameters(
        ctypes.addressof(kept[0]), len(iv), 8 * len(iv), ctypes.addressof(kept[1]), len(aad), 128
    )
    mechanism = Mechanism(GCM, ctypes.addressof(parameters), ctypes.sizeof(parameters))
    return encoded(token.work(begin, do, asked["handle"], mechanism, decoded(asked["data"])))


def answer(token, asked):
    """What is asked, done."""
    what = asked["do"]
    if what == "keys":
        return keys(token, asked)
    if what in ("sign", "hmac"):
        mechanism = Mechanism(EDDSA if what == "sign" else HMAC, None, 0)
        return encoded(token.work(SIGN_INIT, SIGN, asked["handle"], mechanism, decoded(asked["data"])))
    if what == "encrypt":
        return crypt(token, asked, ENCRYPT_INIT, ENCRYPT)
    if what == "decrypt":
        return crypt(token, asked, DECRYPT_INIT, DECRYPT)
    raise Failed("unknown question")


def encoded(data):
    return base64.b64encode(data).decode()


def decoded(text):
    return base64.b64decode(text)


def main():
    token = None
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            if token is None:
                opening = Token(asked["module"])
                opening.open(asked["token"], asked.get("pin"))
                token, said = opening, True
            else:
                said = answer(token, asked)
            out = {"ok": said}
        except Failed as error:
            out = {"error": str(error)}
        except (OSError, AttributeError) as error:
            out = {"error": "the library cannot be used: %s" % error}
        sys.stdout.write(json.dumps(out) + "\n")
        sys.stdout.flush()


main()
