// 1 filter (v0-v8) x 2 positions (v10-v27) x 9 taps of 128 bits, onto two sums in memory.
loop:
    add x2, x2, #16
    add x2, x2, #16
    add x2, x2, #16
    ldr q0, [x0]
    ldr q1, [x0, #16]
    ldr q2, [x0, #32]
    ldr q3, [x0, #48]
    ldr q4, [x0, #64]
    ldr q5, [x0, #80]
    ldr q6, [x0, #96]
    ldr q7, [x0, #112]
    ldr q8, [x0, #128]
    prfm pldl1keep, [x0, #288]
    prfm pldl1keep, [x0, #352]
    prfm pldl1keep, [x0, #416]
    eor v28.16b, v0.16b, v10.16b
    cnt v28.16b, v28.16b
    eor v29.16b, v1.16b, v11.16b
    cnt v29.16b, v29.16b
    add v28.16b, v28.16b, v29.16b
    eor v9.16b, v2.16b, v12.16b
    cnt v9.16b, v9.16b
    add v28.16b, v28.16b, v9.16b
    eor v29.16b, v3.16b, v13.16b
    cnt v29.16b, v29.16b
    add v28.16b, v28.16b, v29.16b
    eor v9.16b, v4.16b, v14.16b
    cnt v9.16b, v9.16b
    add v28.16b, v28.16b, v9.16b
    eor v29.16b, v5.16b, v15.16b
    cnt v29.16b, v29.16b
    add v28.16b, v28.16b, v29.16b
    eor v9.16b, v6.16b, v16.16b
    cnt v9.16b, v9.16b
    add v28.16b, v28.16b, v9.16b
    eor v29.16b, v7.16b, v17.16b
    cnt v29.16b, v29.16b
    add v28.16b, v28.16b, v29.16b
    eor v9.16b, v8.16b, v18.16b
    cnt v9.16b, v9.16b
    add v28.16b, v28.16b, v9.16b
    uaddlv h28, v28.16b
    scvtf s28, s28
    ldr s29, [x2]
    fadd s28, s28, s29
    str s28, [x2]
    eor v30.16b, v0.16b, v19.16b
    cnt v30.16b, v30.16b
    eor v31.16b, v1.16b, v20.16b
    cnt v31.16b, v31.16b
    add v30.16b, v30.16b, v31.16b
    eor v9.16b, v2.16b, v21.16b
    cnt v9.16b, v9.16b
    add v30.16b, v30.16b, v9.16b
    eor v31.16b, v3.16b, v22.16b
    cnt v31.16b, v31.16b
    add v30.16b, v30.16b, v31.16b
    eor v9.16b, v4.16b, v23.16b
    cnt v9.16b, v9.16b
    add v30.16b, v30.16b, v9.16b
    eor v31.16b, v5.16b, v24.16b
    cnt v31.16b, v31.16b
    add v30.16b, v30.16b, v31.16b
    eor v9.16b, v6.16b, v25.16b
    cnt v9.16b, v9.16b
    add v30.16b, v30.16b, v9.16b
    eor v31.16b, v7.16b, v26.16b
    cnt v31.16b, v31.16b
    add v30.16b, v30.16b, v31.16b
    eor v9.16b, v8.16b, v27.16b
    cnt v9.16b, v9.16b
    add v30.16b, v30.16b, v9.16b
    uaddlv h30, v30.16b
    scvtf s30, s30
    ldr s31, [x3]
    fadd s30, s30, s31
    str s30, [x3]
    subs x9, x9, #1
    b.ne loop
