#version 330
// First pass: what each sample sees, for the lighting pass to shade once.
in vec3 world_normal;
in vec2 texture_uv;
in vec3 world_position;
in float depth;
uniform sampler2D albedo;
uniform vec3 eye;
uniform bool two_sided;
uniform float mask_id;
layout(location = 0) out vec4 out_albedo_id;
layout(location = 1) out vec4 out_normal;
layout(location = 2) out float out_depth;

void main() {
    vec3 n = normalize(world_normal);
    if (two_sided && dot(n, eye - world_position) < 0.0) n = -n;
    out_albedo_id = vec4(texture(albedo, texture_uv).rgb, mask_id / 255.0);
    out_normal = vec4(n, 0.0);
    out_depth = depth;
}
