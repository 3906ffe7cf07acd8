#version 330
// First pass: what each sample sees, for the later passes to light once.
in vec3 world_normal;
in vec2 texture_uv;
in vec3 world_position;
in float depth;
uniform sampler2D albedo;
uniform sampler2D normal_map;
uniform bool has_normals;
uniform bool two_sided;
uniform float surface;  // number of the surface in the scene, from 1 on
layout(location = 0) out vec4 out_albedo_surface;  // linear
layout(location = 1) out vec4 out_normal;
layout(location = 2) out float out_depth;

// Normal map to world without tangents in the mesh: the gradients of u and v on the surface come from screen derivatives
// (Schueler 2013). Image rows run down, so a front face's derivatives are left-handed and a back face's right-handed;
// `facing` undoes that, and both sides of cloth have one relief.
vec3 detailed(vec3 n) {
    vec3 dx = dFdx(world_position), dy = dFdy(world_position);
    vec2 dx_uv = dFdx(texture_uv), dy_uv = dFdy(texture_uv);
    float facing = gl_FrontFacing ? -1.0 : 1.0;
    vec3 along_x = cross(dy, n), along_y = cross(n, dx);
    vec3 t = along_x * dx_uv.x + along_y * dy_uv.x;
    vec3 b = along_x * dx_uv.y + along_y * dy_uv.y;
    float scale = facing * inversesqrt(max(max(dot(t, t), dot(b, b)), 1e-24));
    vec3 m = texture(normal_map, texture_uv).xyz * (255.0 / 127.0) - 128.0 / 127.0;
    return normalize(scale * (t * m.x + b * m.y) + n * max(m.z, 0.05));
}

void main() {
    vec3 n = normalize(world_normal);
    if (has_normals) n = detailed(n);
    // By the face, not the smooth normal: that leans away from the viewer along the outline of any round shape.
    if (two_sided && !gl_FrontFacing) n = -n;
    out_albedo_surface = vec4(texture(albedo, texture_uv).rgb, surface / 255.0);
    out_normal = vec4(n, 0.0);
    out_depth = depth;
}
