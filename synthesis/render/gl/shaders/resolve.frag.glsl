#version 330
// Last pass: the mean of a pixel's samples over the backdrop; the surface that covers most of it, and its depth.
uniform sampler2D colours;
uniform sampler2D albedo_surface;
uniform sampler2D depths;
uniform sampler2D backdrop;
uniform int supersample;
uniform int mask_ids[16];  // of each surface, from 1 on; 0 for none
layout(location = 0) out vec4 out_colour;  // sRGB, coverage
layout(location = 1) out vec2 out_depth_id;

vec3 linear_from_srgb(vec3 c) {
    return mix(c / 12.92, pow((c + 0.055) / 1.055, vec3(2.4)), step(0.04045, c));
}

vec3 srgb_from_linear(vec3 c) {
    return mix(c * 12.92, 1.055 * pow(c, vec3(1.0 / 2.4)) - 0.055, step(0.0031308, c));
}

int mask_id(ivec2 at) {
    return mask_ids[int(texelFetch(albedo_surface, at, 0).a * 255.0 + 0.5) & 15];
}

void main() {
    ivec2 pixel = ivec2(gl_FragCoord.xy);
    ivec2 first = pixel * supersample;
    int samples = supersample * supersample;
    vec3 colour = vec3(0.0);
    int covered = 0;
    float best_share = 0.0, best_depth = 0.0;
    int best_id = 0;
    for (int i = 0; i < samples; i++) {
        ivec2 at = first + ivec2(i % supersample, i / supersample);
        int id = mask_id(at);
        if (id == 0) continue;
        covered++;
        colour += texelFetch(colours, at, 0).rgb;
        float share = 0.0, depth = 0.0;
        for (int j = 0; j < samples; j++) {
            ivec2 other = first + ivec2(j % supersample, j / supersample);
            if (mask_id(other) != id) continue;
            share += 1.0;
            depth += texelFetch(depths, other, 0).r;
        }
        depth /= share;
        // Equal shares go to the nearer surface.
        if (share > best_share || (share == best_share && depth < best_depth)) {
            best_share = share;
            best_depth = depth;
            best_id = id;
        }
    }
    float coverage = float(covered) / float(samples);
    vec3 behind = linear_from_srgb(texelFetch(backdrop, pixel, 0).rgb);
    vec3 mixed = clamp(colour / float(samples) + (1.0 - coverage) * behind, 0.0, 1.0);
    out_colour = vec4(srgb_from_linear(mixed), coverage);
    out_depth_id = 2 * covered >= samples ? vec2(best_depth, best_id) : vec2(0.0);
}
