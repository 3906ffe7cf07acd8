#version 330
// Second pass: one sample stands for each pixel where occlusion is concerned; pixels without any are left out for good.
uniform sampler2D normals;
uniform sampler2D depths;
uniform sampler2D albedo_surface;
uniform int supersample;
layout(location = 0) out vec4 out_normal_depth;

void main() {
    ivec2 first = ivec2(gl_FragCoord.xy) * supersample;
    for (int i = 0; i < supersample * supersample; i++) {
        ivec2 at = first + ivec2(i % supersample, i / supersample);
        if (texelFetch(albedo_surface, at, 0).a == 0.0) continue;
        out_normal_depth = vec4(texelFetch(normals, at, 0).xyz, texelFetch(depths, at, 0).r);
        // The pixel's number of this sample goes with the depth test of the passes that follow.
        gl_FragDepth = 0.0;
        return;
    }
    discard;
}
