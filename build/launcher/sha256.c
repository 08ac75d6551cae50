/* SHA-256 (FIPS 180-4), so that a damaged copy is refused before anything of it is used. */
#include "bundle.h"

#include <string.h>

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotated(uint32_t word, int by) { return (word >> by) | (word << (32 - by)); }

static void mix(uint32_t state[8], const uint8_t block[64]) {
    uint32_t w[64], v[8];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
               block[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        uint32_t near = rotated(w[i - 15], 7) ^ rotated(w[i - 15], 18) ^ (w[i - 15] >> 3);
        uint32_t late = rotated(w[i - 2], 17) ^ rotated(w[i - 2], 19) ^ (w[i - 2] >> 10);
        w[i] = w[i - 16] + near + w[i - 7] + late;
    }
    memcpy(v, state, sizeof v);
    for (int i = 0; i < 64; i += 8)
        for (int j = 0; j < 8; j++) { /* instead of moving the eight words along, count where they stand */
            uint32_t *a = &v[-j & 7], *b = &v[(1 - j) & 7], *c = &v[(2 - j) & 7], *d = &v[(3 - j) & 7];
            uint32_t *e = &v[(4 - j) & 7], *f = &v[(5 - j) & 7], *g = &v[(6 - j) & 7], *h = &v[(7 - j) & 7];
            uint32_t sum1 = rotated(*e, 6) ^ rotated(*e, 11) ^ rotated(*e, 25);
            uint32_t sum0 = rotated(*a, 2) ^ rotated(*a, 13) ^ rotated(*a, 22);
            uint32_t first = *h + sum1 + ((*e & *f) ^ (~*e & *g)) + K[i + j] + w[i + j];
            *d += first;
            *h = first + sum0 + ((*a & *b) ^ (*a & *c) ^ (*b & *c));
        }
    for (int i = 0; i < 8; i++) state[i] += v[i];
}

void sha256(const uint8_t *data, size_t size, uint8_t digest[32]) {
    uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    size_t whole = size / 64 * 64, rest = size - whole;
    uint8_t tail[128] = {0};
    size_t tail_size = rest < 56 ? 64 : 128;
    for (size_t at = 0; at < whole; at += 64) mix(state, data + at);
    memcpy(tail, data + whole, rest);
    tail[rest] = 0x80;
    for (int i = 0; i < 8; i++) tail[tail_size - 1 - i] = (uint8_t)((uint64_t)size * 8 >> (8 * i));
    for (size_t at = 0; at < tail_size; at += 64) mix(state, tail + at);
    for (int i = 0; i < 32; i++) digest[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
}
