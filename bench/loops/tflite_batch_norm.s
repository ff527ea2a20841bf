// Four vectors: a pass that multiplies and one that adds, both with a clamp (v30, v31).
loop:
    ldr q0, [x0]
    ldr q1, [x1]
    fmul v0.4s, v0.4s, v1.4s
    fmax v0.4s, v0.4s, v30.4s
    fmin v0.4s, v0.4s, v31.4s
    str q0, [x2]
    ldr q2, [x3]
    ldr q3, [x4]
    fadd v2.4s, v2.4s, v3.4s
    fmax v2.4s, v2.4s, v30.4s
    fmin v2.4s, v2.4s, v31.4s
    str q2, [x5]
    ldr q4, [x0, #16]
    ldr q5, [x1, #16]
    fmul v4.4s, v4.4s, v5.4s
    fmax v4.4s, v4.4s, v30.4s
    fmin v4.4s, v4.4s, v31.4s
    str q4, [x2, #16]
    ldr q6, [x3, #16]
    ldr q7, [x4, #16]
    fadd v6.4s, v6.4s, v7.4s
    fmax v6.4s, v6.4s, v30.4s
    fmin v6.4s, v6.4s, v31.4s
    str q6, [x5, #16]
    ldr q0, [x0, #32]
    ldr q1, [x1, #32]
    fmul v0.4s, v0.4s, v1.4s
    fmax v0.4s, v0.4s, v30.4s
    fmin v0.4s, v0.4s, v31.4s
    str q0, [x2, #32]
    ldr q2, [x3, #32]
    ldr q3, [x4, #32]
    fadd v2.4s, v2.4s, v3.4s
    fmax v2.4s, v2.4s, v30.4s
    fmin v2.4s, v2.4s, v31.4s
    str q2, [x5, #32]
    ldr q4, [x0, #48]
    ldr q5, [x1, #48]
    fmul v4.4s, v4.4s, v5.4s
    fmax v4.4s, v4.4s, v30.4s
    fmin v4.4s, v4.4s, v31.4s
    str q4, [x2, #48]
    ldr q6, [x3, #48]
    ldr q7, [x4, #48]
    fadd v6.4s, v6.4s, v7.4s
    fmax v6.4s, v6.4s, v30.4s
    fmin v6.4s, v6.4s, v31.4s
    str q6, [x5, #48]
    add x0, x0, #64
    subs x9, x9, #1
    b.ne loop
