"""`/api/v1/models`: where the models of this site go, and how each of these places is at this moment."""

from app.api.models.places import ModelPlace, ModelPlaces, ProviderLook, operations

__all__ = ["ModelPlace", "ModelPlaces", "ProviderLook", "operations"]
