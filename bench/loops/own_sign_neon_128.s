// Signs of 16 floats into 16 bits; v31: the bit of each byte.
loop:
    ldr q0, [x0]
    ldr q1, [x0, #16]
    ldr q2, [x0, #32]
    ldr q3, [x0, #48]
    fcmge v0.4s, v0.4s, #0.0
    fcmge v1.4s, v1.4s, #0.0
    fcmge v2.4s, v2.4s, #0.0
    fcmge v3.4s, v3.4s, #0.0
    uzp1 v0.8h, v0.8h, v1.8h
    uzp1 v2.8h, v2.8h, v3.8h
    uzp1 v0.16b, v0.16b, v2.16b
    and v0.16b, v0.16b, v31.16b
    addp v0.16b, v0.16b, v0.16b
    addp v0.16b, v0.16b, v0.16b
    addp v0.16b, v0.16b, v0.16b
    str h0, [x1]
    add x0, x0, #64
    subs x9, x9, #1
    b.ne loop
