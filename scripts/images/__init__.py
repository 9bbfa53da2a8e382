"""Container images: building them with podman, with or without a registry, and measuring them."""
