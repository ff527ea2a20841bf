// 2 filters (v0-v9) x 2 positions (v10-v19) x 9 taps of 64 bits; four sums to memory.
loop:
    add x2, x2, #16
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
    ldr q9, [x0, #144]
    prfm pldl1keep, [x0, #320]
    prfm pldl1keep, [x0, #384]
    eor v20.16b, v0.16b, v10.16b
    eor v21.16b, v1.16b, v11.16b
    eor v22.16b, v2.16b, v12.16b
    eor v23.16b, v3.16b, v13.16b
    eor v24.16b, v4.16b, v14.16b
    cnt v20.16b, v20.16b
    cnt v21.16b, v21.16b
    cnt v22.16b, v22.16b
    cnt v23.16b, v23.16b
    cnt v24.16b, v24.16b
    add v20.16b, v20.16b, v21.16b
    add v22.16b, v22.16b, v23.16b
    add v20.16b, v20.16b, v24.16b
    add v20.16b, v20.16b, v22.16b
    uaddlv h20, v20.16b
    scvtf s20, s20
    str s20, [x2]
    eor v26.16b, v0.16b, v15.16b
    eor v27.16b, v1.16b, v16.16b
    eor v28.16b, v2.16b, v17.16b
    eor v29.16b, v3.16b, v18.16b
    eor v30.16b, v4.16b, v19.16b
    cnt v26.16b, v26.16b
    cnt v27.16b, v27.16b
    cnt v28.16b, v28.16b
    cnt v29.16b, v29.16b
    cnt v30.16b, v30.16b
    add v26.16b, v26.16b, v27.16b
    add v28.16b, v28.16b, v29.16b
    add v26.16b, v26.16b, v30.16b
    add v26.16b, v26.16b, v28.16b
    uaddlv h26, v26.16b
    scvtf s26, s26
    str s26, [x3]
    eor v20.16b, v5.16b, v10.16b
    eor v21.16b, v6.16b, v11.16b
    eor v22.16b, v7.16b, v12.16b
    eor v23.16b, v8.16b, v13.16b
    eor v24.16b, v9.16b, v14.16b
    cnt v20.16b, v20.16b
    cnt v21.16b, v21.16b
    cnt v22.16b, v22.16b
    cnt v23.16b, v23.16b
    cnt v24.16b, v24.16b
    add v20.16b, v20.16b, v21.16b
    add v22.16b, v22.16b, v23.16b
    add v20.16b, v20.16b, v24.16b
    add v20.16b, v20.16b, v22.16b
    uaddlv h20, v20.16b
    scvtf s20, s20
    str s20, [x2, #4]
    eor v26.16b, v5.16b, v15.16b
    eor v27.16b, v6.16b, v16.16b
    eor v28.16b, v7.16b, v17.16b
    eor v29.16b, v8.16b, v18.16b
    eor v30.16b, v9.16b, v19.16b
    cnt v26.16b, v26.16b
    cnt v27.16b, v27.16b
    cnt v28.16b, v28.16b
    cnt v29.16b, v29.16b
    cnt v30.16b, v30.16b
    add v26.16b, v26.16b, v27.16b
    add v28.16b, v28.16b, v29.16b
    add v26.16b, v26.16b, v30.16b
    add v26.16b, v26.16b, v28.16b
    uaddlv h26, v26.16b
    scvtf s26, s26
    str s26, [x3, #4]
    subs x9, x9, #1
    b.ne loop
