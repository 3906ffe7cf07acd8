#version 330
// Second pass: four area lights with soft shadows, ambient light from spherical harmonics, ambient occlusion.
const int LIGHTS = 4;
const int SURFACES = 8;
const int SEARCH_TAPS = 6;
const int FILTER_TAPS = 8;
const int OCCLUSION_TAPS = 8;
const float PI = 3.14159265;
const mat2 GOLDEN_TURN = mat2(-0.737369, 0.675490, -0.675490, -0.737369);

uniform sampler2D albedo_id;
uniform sampler2D normals;
uniform sampler2D depths;
uniform sampler2D shadow_atlas;  // 2 x 2 maps, one a light
uniform mat4 clip_from_world;
uniform mat3 ray_from_pixel;
uniform vec3 eye;
uniform float supersample;
uniform ivec4 drawn;  // first and last sample of this frame; what lies outside is left from another
uniform vec4 surface_look[SURFACES];  // subsurface rgb, roughness
uniform vec3 ambient[9];
uniform vec3 light_position[LIGHTS];
uniform mat3 light_rotation[LIGHTS];
uniform vec4 light_window[LIGHTS];  // scale and offset from tangents to 0..1 across the map
uniform vec2 light_depth[LIGHTS];   // the map holds x + y / z
uniform vec2 light_emission[LIGHTS];  // radiance, side
out vec4 out_colour;

vec3 linear_from_srgb(vec3 c) {
    return mix(c / 12.92, pow((c + 0.055) / 1.055, vec3(2.4)), step(0.04045, c));
}

// Interleaved gradient noise (Jimenez 2014): neighbours differ most, so that their mean is smooth.
float noise(vec2 pixel) {
    return fract(52.9829189 * fract(dot(pixel, vec2(0.06711056, 0.00583715))));
}

vec3 irradiance(vec3 n) {
    vec3 e = 0.282095 * ambient[0] + 0.488603 * (ambient[1] * n.y + ambient[2] * n.z + ambient[3] * n.x)
           + 1.092548 * (ambient[4] * n.x * n.y + ambient[5] * n.y * n.z + ambient[7] * n.x * n.z)
           + 0.315392 * ambient[6] * (3.0 * n.z * n.z - 1.0) + 0.546274 * ambient[8] * (n.x * n.x - n.y * n.y);
    return max(e, vec3(0.0));
}

// Share of light i that reaches p [m, light frame] with normal n (same frame): percentage-closer soft shadows
// (Fernando 2005). 1/z is linear across a plane seen in perspective, so every tap is compared with the tangent plane
// itself and no wide kernel shadows its own slope.
float visibility(int i, vec3 p, vec3 n, vec2 turn) {
    const float NEAR_BLOCKERS = 0.7;  // metres in front of the receiver where blockers are searched
    vec2 tangent = p.xy / p.z;
    float inverse = 1.0 / p.z;
    vec2 slope = clamp(n.xy / min(dot(n, p), -0.08 * p.z), vec2(-4.0), vec2(4.0));
    float bias = 0.006 * inverse * inverse;
    float half_side = 0.5 * light_emission[i].y;
    vec2 tile = vec2(i & 1, i >> 1);
    float reach = half_side * NEAR_BLOCKERS * inverse / max(p.z - NEAR_BLOCKERS, 0.5);
    float blockers = 0.0, blocker_inverse = 0.0;
    vec2 direction = turn;
    for (int k = 0; k < SEARCH_TAPS; k++) {
        direction = GOLDEN_TURN * direction;
        vec2 step_ = direction * sqrt((float(k) + 0.5) / float(SEARCH_TAPS)) * reach;
        vec2 uv = clamp((tangent + step_) * light_window[i].xy + light_window[i].zw, 0.002, 0.998);
        float seen = (texture(shadow_atlas, (uv + tile) * 0.5).r - light_depth[i].x) / light_depth[i].y;
        float blocks = step(inverse + dot(slope, step_) + bias, seen);
        blockers += blocks;
        blocker_inverse += blocks * seen;
    }
    int taps = blockers > 0.0 ? FILTER_TAPS : 0;
    float radius = half_side * max(blocker_inverse / max(blockers, 1.0) - inverse, 0.0);
    radius = max(radius, 0.008 * inverse);
    float lit = 0.0;
    for (int k = 0; k < taps; k++) {
        direction = GOLDEN_TURN * direction;
        vec2 step_ = direction * sqrt((float(k) + 0.5) / float(FILTER_TAPS)) * radius;
        vec2 uv = clamp((tangent + step_) * light_window[i].xy + light_window[i].zw, 0.002, 0.998);
        float seen = (texture(shadow_atlas, (uv + tile) * 0.5).r - light_depth[i].x) / light_depth[i].y;
        lit += clamp(1.5 - (seen - inverse - dot(slope, step_)) / bias, 0.0, 1.0);
    }
    return taps > 0 ? lit / float(FILTER_TAPS) : 1.0;
}

// Share of the hemisphere that is open: points around p that fall behind what the camera sees are closed.
float openness(vec3 p, vec3 n, vec2 turn) {
    vec3 t = normalize(abs(n.y) < 0.9 ? cross(n, vec3(0, 1, 0)) : cross(n, vec3(1, 0, 0)));
    vec3 b = cross(n, t);
    vec2 size = vec2(textureSize(depths, 0));
    float closed = 0.0;
    vec2 direction = turn;
    for (int k = 0; k < OCCLUSION_TAPS; k++) {
        float u = (float(k) + 0.5) / float(OCCLUSION_TAPS);
        direction = GOLDEN_TURN * direction;
        float reach = 0.02 + 0.18 * fract(float(k) * 0.618034);
        vec2 flat_ = direction * sqrt(u);
        vec4 clip = clip_from_world * vec4(p + (t * flat_.x + b * flat_.y + n * sqrt(1.0 - u)) * reach, 1.0);
        ivec2 sample_ = clamp(ivec2((clip.xy / clip.w * 0.5 + 0.5) * size), drawn.xy, drawn.zw);
        float behind = clip.w - texelFetch(depths, sample_, 0).r;
        closed += step(0.01, behind) * step(behind, 0.35);
    }
    return 1.0 - closed / float(OCCLUSION_TAPS);
}

// Highlights roll off instead of clipping.
vec3 shoulder(vec3 c) {
    const float KNEE = 0.6;
    return mix(c, KNEE + (1.0 - KNEE) * (1.0 - exp((KNEE - c) / (1.0 - KNEE))), step(KNEE, c));
}

void main() {
    ivec2 here = ivec2(gl_FragCoord.xy);
    vec4 a = texelFetch(albedo_id, here, 0);
    vec3 n = texelFetch(normals, here, 0).xyz;
    float depth = texelFetch(depths, here, 0).r;
    vec3 p = eye + ray_from_pixel * vec3(gl_FragCoord.xy / supersample - 0.5, 1.0) * depth;
    vec3 v = normalize(eye - p);
    vec4 look = surface_look[int(a.a * 255.0 + 0.5) & (SURFACES - 1)];
    vec3 albedo = linear_from_srgb(a.rgb);
    vec3 wrap = look.rgb;
    float alpha2 = pow(look.a, 4.0);
    float k = (look.a + 1.0) * (look.a + 1.0) * 0.125;
    float angle = 2.0 * PI * noise(gl_FragCoord.xy);
    vec2 turn = vec2(cos(angle), sin(angle));
    float nv = max(dot(n, v), 0.001);

    vec3 light = albedo / PI * irradiance(n) * openness(p, n, turn);
    for (int i = 0; i < LIGHTS; i++) {
        vec3 to_light = light_position[i] - p;
        float distance2 = dot(to_light, to_light);
        vec3 l = to_light * inversesqrt(distance2);
        vec3 local = light_rotation[i] * -to_light;
        float nl = dot(n, l);
        float side = light_emission[i].y;
        float incoming = light_emission[i].x * side * side * max(local.z, 0.0) * inversesqrt(distance2) / distance2;
        // Past the terminator only wrapped light is left, and there shadow maps see nothing but the skin itself.
        float seen = nl > 0.0 ? visibility(i, local, light_rotation[i] * n, turn) : 1.0;
        vec3 diffuse = clamp((nl + wrap) / ((1.0 + wrap) * (1.0 + wrap)), 0.0, 1.0);
        vec3 h = normalize(l + v);
        float nh = max(dot(n, h), 0.0), lit = max(nl, 0.0);
        float spread = nh * nh * (alpha2 - 1.0) + 1.0;
        float lobe = alpha2 / (PI * spread * spread);
        float geometry = 1.0 / ((lit * (1.0 - k) + k) * (nv * (1.0 - k) + k));
        float fresnel = 0.04 + 0.96 * pow(1.0 - max(dot(h, v), 0.0), 5.0);
        light += incoming * seen * (albedo / PI * diffuse + lobe * geometry * fresnel * 0.25 * lit);
    }
    out_colour = vec4(shoulder(light), 1.0);
}
