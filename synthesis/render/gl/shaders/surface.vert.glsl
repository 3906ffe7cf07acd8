#version 330
in vec3 position;
in vec3 normal;
in vec2 uv;
uniform mat4 clip_from_world;
uniform float uv_scale;
out vec3 world_normal;
out vec2 texture_uv;
out vec3 world_position;
out float depth;

void main() {
    world_position = position;
    world_normal = normal;
    texture_uv = uv * uv_scale;
    gl_Position = clip_from_world * vec4(position, 1.0);
    depth = gl_Position.w;
}
