"""Bodies as files that other programs open: OBJ for exact meshes, glTF for skinned, animated ones."""
