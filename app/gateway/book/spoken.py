"""What a provider speaks."""

from app.config.gateway.models import Provider
from app.core.clock import Clock
from app.core.errors import ConfigError
from app.gateway.book.target import DIALECTS
from app.gateway.completions import COMPLETIONS
from app.gateway.dialects import RESPONSES, Bedrock, Sent, Wire
from app.gateway.embeddings import EMBEDDINGS


def spoken(name: str, provider: Provider, *, clock: Clock) -> tuple[Wire, ...]:
    """Its wire formats; ConfigError for settings that its dialect has not, and for a key that is none."""
    _only(f"providers.{name}.responses", provider.responses, provider, "openai")
    _only(f"providers.{name}.region", provider.region, provider, "bedrock")
    if provider.dialect == "bedrock" and not provider.region:
        raise ConfigError(
            f"providers.{name}.region: a request to Bedrock is signed for its region.",
            remedy="Name it, such as eu-central-1.",
        )
    bedrock = Bedrock(region=provider.region, clock=clock)
    wire = bedrock if provider.dialect == "bedrock" else DIALECTS[provider.dialect]
    if provider.key and provider.key.reveal():
        wire.credential(provider.key.reveal(), Sent(authority="", path="/", headers=(), body=b""))
    if provider.dialect != "openai":
        return (wire,)
    further = (
        (RESPONSES, provider.responses),
        (COMPLETIONS, provider.completions),
        (EMBEDDINGS, provider.embeddings),
    )
    return (wire, *(each for each, has in further if has))


def _only(key: str, value: object, provider: Provider, dialect: str) -> None:
    if value and provider.dialect != dialect:
        raise ConfigError(f"{key}: only providers of the dialect {dialect} have it.", remedy="Leave it out.")
