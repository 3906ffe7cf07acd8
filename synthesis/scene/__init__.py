"""What a clip shows besides people and cloth: cameras, lights, backdrops, textures, skin."""
