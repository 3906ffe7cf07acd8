#version 330
// Fourth pass, once a sample: four area lights and ambient light from spherical harmonics, as far as they reach it.
const int LIGHTS = 4;
const int SURFACES = 16;
const float PI = 3.14159265;

uniform sampler2D albedo_surface;
uniform sampler2D normals;
uniform sampler2D depths;
uniform sampler2D seen_lights;
uniform sampler2D open_depth;
uniform mat3 ray_from_pixel;
uniform vec3 eye;
uniform float supersample;
uniform ivec4 drawn;  // first and last pixel of this frame
uniform vec4 surface_look[SURFACES];  // subsurface rgb, roughness
uniform vec3 ambient[9];
uniform vec3 light_position[LIGHTS];
uniform mat3 light_rotation[LIGHTS];
uniform vec2 light_emission[LIGHTS];  // radiance, side
out vec4 out_colour;

vec3 irradiance(vec3 n) {
    vec3 e = 0.282095 * ambient[0] + 0.488603 * (ambient[1] * n.y + ambient[2] * n.z + ambient[3] * n.x)
           + 1.092548 * (ambient[4] * n.x * n.y + ambient[5] * n.y * n.z + ambient[7] * n.x * n.z)
           + 0.315392 * ambient[6] * (3.0 * n.z * n.z - 1.0) + 0.546274 * ambient[8] * (n.x * n.x - n.y * n.y);
    return max(e, vec3(0.0));
}

// Share of white ambient light that a dielectric of F0 = 0.04 reflects (fit of Karis 2014 to the GGX integral).
float ambient_reflection(float roughness, float nv) {
    vec4 r = roughness * vec4(-1.0, -0.0275, -0.572, 0.022) + vec4(1.0, 0.0425, 1.04, -0.04);
    float a = min(r.x * r.x, exp2(-9.28 * nv)) * r.x + r.y;
    return 0.04 * (-1.04 * a + r.z) + 1.04 * a + r.w;
}

// Highlights roll off instead of clipping.
vec3 shoulder(vec3 c) {
    const float KNEE = 0.6;
    return mix(c, KNEE + (1.0 - KNEE) * (1.0 - exp((KNEE - c) / (1.0 - KNEE))), step(KNEE, c));
}

void main() {
    ivec2 here = ivec2(gl_FragCoord.xy);
    vec4 a = texelFetch(albedo_surface, here, 0);
    vec3 n = texelFetch(normals, here, 0).xyz;
    float depth = texelFetch(depths, here, 0).r;
    vec3 ray = ray_from_pixel * vec3(gl_FragCoord.xy / supersample - 0.5, 1.0);
    vec3 p = eye + ray * depth;

    // Occlusion of the 2 x 2 pixels around the sample, those on its own surface foremost.
    vec4 seen = vec4(0.0);
    float open = 0.0, weights = 0.0;
    ivec2 corner = ivec2(floor(gl_FragCoord.xy / supersample - 0.5));
    for (int k = 0; k < 4; k++) {
        ivec2 at = clamp(corner + ivec2(k & 1, k >> 1), drawn.xy, drawn.zw);
        vec2 there = texelFetch(open_depth, at, 0).xy;
        if (there.y == 0.0) continue;
        vec3 q = eye + ray_from_pixel * vec3(vec2(at), 1.0) * there.y;
        float off = dot(n, q - p) / 0.01;
        float weight = 1.0 / (1.0 + off * off * off * off) + 1e-4;
        seen += weight * texelFetch(seen_lights, at, 0);
        open += weight * there.x;
        weights += weight;
    }
    seen /= weights;
    open /= weights;

    vec3 v = normalize(-ray);
    vec4 look = surface_look[int(a.a * 255.0 + 0.5) & (SURFACES - 1)];
    vec3 albedo = a.rgb;
    vec3 wrap = look.rgb;
    float k = (look.a + 1.0) * (look.a + 1.0) * 0.125;
    float nv = max(dot(n, v), 0.001);
    float mirror = ambient_reflection(look.a, nv);

    // Light that enters a crevice leaves it after several bounces, tinted (Jimenez et al. 2016, without the constants).
    vec3 openness = open / (1.0 - albedo * (1.0 - open));
    vec3 light = albedo / PI * irradiance(n) * openness * (1.0 - mirror);
    light += mirror / PI * irradiance(reflect(-v, n)) * open * open;
    for (int i = 0; i < LIGHTS; i++) {
        vec3 to_light = light_position[i] - p;
        float distance2 = dot(to_light, to_light);
        float inverse = inversesqrt(distance2);
        vec3 l = to_light * inverse;
        vec3 local = light_rotation[i] * -to_light;
        float nl = dot(n, l);
        float side = light_emission[i].y;
        float incoming = light_emission[i].x * side * side * max(local.z, 0.0) * inverse / distance2;
        // Light that has gone through skin fills the rim of its shadows, red first.
        vec3 reaches = seen[i] + 2.0 * wrap * seen[i] * (1.0 - seen[i]);
        vec3 diffuse = clamp((nl + wrap) / ((1.0 + wrap) * (1.0 + wrap)), 0.0, 1.0);
        vec3 h = normalize(l + v);
        float nh = max(dot(n, h), 0.0), lit = max(nl, 0.0);
        // The light's size widens its highlight (Karis 2013).
        float alpha = min(look.a * look.a + 0.25 * side * inverse, 1.0);
        float alpha2 = alpha * alpha;
        float spread = nh * nh * (alpha2 - 1.0) + 1.0;
        float lobe = alpha2 / (PI * spread * spread);
        float geometry = 1.0 / ((lit * (1.0 - k) + k) * (nv * (1.0 - k) + k));
        float fresnel = 0.04 + 0.96 * pow(clamp(1.0 - dot(h, v), 0.0, 1.0), 5.0);
        light += incoming * (reaches * albedo / PI * diffuse + seen[i] * lobe * geometry * fresnel * 0.25 * lit);
    }
    out_colour = vec4(shoulder(light), 1.0);
}
