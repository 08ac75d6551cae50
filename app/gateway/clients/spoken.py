"""What a provider is spoken to in, the first being what other dialects are translated into."""

from app.config.gateway.models import Provider
from app.gateway.completions import COMPLETIONS
from app.gateway.dialects import OPENAI, RESPONSES, Dialect
from app.gateway.embeddings import EMBEDDINGS


def spoken(dialect: Dialect, provider: Provider) -> tuple[Dialect, ...]:
    """Its own dialect and, of OpenAI's further ones, those that the profile says it has."""
    if dialect is not OPENAI:
        return (dialect,)
    further = (
        (RESPONSES, provider.responses),
        (COMPLETIONS, provider.completions),
        (EMBEDDINGS, provider.embeddings),
    )
    return (dialect, *(each for each, has in further if has))
