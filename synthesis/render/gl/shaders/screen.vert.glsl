#version 330
// One triangle over the whole screen, on the far plane: where the depth test is "greater", only covered samples pass.
in vec2 corner;

void main() {
    gl_Position = vec4(corner, 1.0, 1.0);
}
