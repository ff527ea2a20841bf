// Four vectors of a maximum so far.
loop:
    ldr q0, [x0, #0]
    fmax v4.4s, v4.4s, v0.4s
    ldr q1, [x0, #16]
    fmax v5.4s, v5.4s, v1.4s
    ldr q2, [x0, #32]
    fmax v6.4s, v6.4s, v2.4s
    ldr q3, [x0, #48]
    fmax v7.4s, v7.4s, v3.4s
    add x0, x0, #64
    subs x9, x9, #1
    b.ne loop
