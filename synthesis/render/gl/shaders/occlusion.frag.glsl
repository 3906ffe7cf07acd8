#version 330
// Third pass, once a pixel: how much of each area light and of the sky reaches it. The taps of a block of 2 x 2 pixels
// interleave, and the lighting pass takes the mean over such blocks: four times the taps, and no noise.
const int LIGHTS = 4;
const int SEARCH_TAPS = 6;
const int FILTER_TAPS = 8;
const int OCCLUSION_TAPS = 8;
const float PI = 3.14159265;
const mat2 GOLDEN_TURN = mat2(-0.737369, 0.675490, -0.675490, -0.737369);

uniform sampler2D normal_depth;
uniform sampler2D shadow_atlas;  // 2 x 2 maps, one a light
uniform mat4 clip_from_world;
uniform mat3 ray_from_pixel;
uniform vec3 eye;
uniform ivec4 drawn;  // first and last pixel of this frame; what lies outside is left from another
uniform vec3 light_position[LIGHTS];
uniform mat3 light_rotation[LIGHTS];
uniform vec4 light_window[LIGHTS];  // scale and offset from tangents to 0..1 across the map
uniform vec2 light_depth[LIGHTS];   // the map holds x + y / z
uniform vec2 light_emission[LIGHTS];  // radiance, side
layout(location = 0) out vec4 out_seen;
layout(location = 1) out vec2 out_open_depth;

// Share of light i that reaches p [m, light frame] with normal n (same frame): percentage-closer soft shadows
// (Fernando 2005). 1/z is linear across a plane seen in perspective, so every tap is compared with the tangent plane
// itself and no wide kernel shadows its own slope.
float visibility(int i, vec3 p, vec3 n, vec2 turn, float phase) {
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
        vec2 step_ = direction * sqrt((float(k) + phase) / float(SEARCH_TAPS)) * reach;
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
        vec2 step_ = direction * sqrt((float(k) + phase) / float(FILTER_TAPS)) * radius;
        vec2 uv = clamp((tangent + step_) * light_window[i].xy + light_window[i].zw, 0.002, 0.998);
        float seen = (texture(shadow_atlas, (uv + tile) * 0.5).r - light_depth[i].x) / light_depth[i].y;
        lit += clamp(1.5 - (seen - inverse - dot(slope, step_)) / bias, 0.0, 1.0);
    }
    return taps > 0 ? lit / float(FILTER_TAPS) : 1.0;
}

// Share of the hemisphere that is open: points around p that fall behind what the camera sees are closed. Most taps are
// near: it is where cloth meets skin that a shadow is missed.
float openness(vec3 p, vec3 n, vec2 turn, float phase) {
    vec3 t = normalize(abs(n.y) < 0.9 ? cross(n, vec3(0, 1, 0)) : cross(n, vec3(1, 0, 0)));
    vec3 b = cross(n, t);
    vec2 size = vec2(textureSize(normal_depth, 0));
    float closed = 0.0;
    vec2 direction = turn;
    for (int k = 0; k < OCCLUSION_TAPS; k++) {
        float u = (float(k) + phase) / float(OCCLUSION_TAPS);
        direction = GOLDEN_TURN * direction;
        float far = fract(float(k) * 0.618034 + phase);
        float reach = 0.015 + 0.185 * far * far;
        vec2 flat_ = direction * sqrt(u);
        vec4 clip = clip_from_world * vec4(p + (t * flat_.x + b * flat_.y + n * sqrt(1.0 - u)) * reach, 1.0);
        ivec2 at = clamp(ivec2((clip.xy / clip.w * 0.5 + 0.5) * size), drawn.xy, drawn.zw);
        float depth = texelFetch(normal_depth, at, 0).w;
        float behind = depth > 0.0 ? clip.w - depth : 0.0;
        closed += step(0.006, behind) * (1.0 - smoothstep(0.15, 0.4, behind));
    }
    return 1.0 - closed / float(OCCLUSION_TAPS);
}

void main() {
    ivec2 here = ivec2(gl_FragCoord.xy);
    vec4 sample_ = texelFetch(normal_depth, here, 0);
    vec3 n = normalize(sample_.xyz);
    vec3 p = eye + ray_from_pixel * vec3(gl_FragCoord.xy - 0.5, 1.0) * sample_.w;
    int place = (here.x & 1) + 2 * ((here.x ^ here.y) & 1);
    float phase = (float(place) + 0.5) / 4.0;
    float angle = 0.5 * PI * phase;
    vec2 turn = vec2(cos(angle), sin(angle));
    vec4 seen = vec4(1.0);
    for (int i = 0; i < LIGHTS; i++) {
        vec3 to_light = light_position[i] - p;
        // Away from the light, shadow maps see nothing but the surface itself.
        if (dot(n, to_light) > 0.0 && light_emission[i].x > 0.0)
            seen[i] = visibility(i, light_rotation[i] * -to_light, light_rotation[i] * n, turn, phase);
    }
    out_seen = seen;
    out_open_depth = vec2(openness(p, n, turn, phase), sample_.w);
}
