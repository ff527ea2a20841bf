// 8 filters (v0-v7) x 6 positions (v8) x 128 bits; each count is summed across its register,
// four sums are joined into one, sums in v20-v31.
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
    prfm pldl1keep, [x0, #256]
    prfm pldl1keep, [x1, #192]
    ldr q8, [x1]
    eor v9.16b, v0.16b, v8.16b
    eor v10.16b, v1.16b, v8.16b
    eor v11.16b, v2.16b, v8.16b
    eor v12.16b, v3.16b, v8.16b
    cnt v9.16b, v9.16b
    cnt v10.16b, v10.16b
    cnt v11.16b, v11.16b
    cnt v12.16b, v12.16b
    addv b9, v9.16b
    addv b10, v10.16b
    addv b11, v11.16b
    addv b12, v12.16b
    ins v9.s[1], v10.s[0]
    ins v9.s[2], v11.s[0]
    ins v9.s[3], v12.s[0]
    add v20.4s, v20.4s, v9.4s
    eor v13.16b, v4.16b, v8.16b
    eor v14.16b, v5.16b, v8.16b
    eor v15.16b, v6.16b, v8.16b
    eor v16.16b, v7.16b, v8.16b
    cnt v13.16b, v13.16b
    cnt v14.16b, v14.16b
    cnt v15.16b, v15.16b
    cnt v16.16b, v16.16b
    addv b13, v13.16b
    addv b14, v14.16b
    addv b15, v15.16b
    addv b16, v16.16b
    ins v13.s[1], v14.s[0]
    ins v13.s[2], v15.s[0]
    ins v13.s[3], v16.s[0]
    add v21.4s, v21.4s, v13.4s
    ldr q8, [x1, #16]
    eor v9.16b, v0.16b, v8.16b
    eor v10.16b, v1.16b, v8.16b
    eor v11.16b, v2.16b, v8.16b
    eor v12.16b, v3.16b, v8.16b
    cnt v9.16b, v9.16b
    cnt v10.16b, v10.16b
    cnt v11.16b, v11.16b
    cnt v12.16b, v12.16b
    addv b9, v9.16b
    addv b10, v10.16b
    addv b11, v11.16b
    addv b12, v12.16b
    ins v9.s[1], v10.s[0]
    ins v9.s[2], v11.s[0]
    ins v9.s[3], v12.s[0]
    add v22.4s, v22.4s, v9.4s
    eor v13.16b, v4.16b, v8.16b
    eor v14.16b, v5.16b, v8.16b
    eor v15.16b, v6.16b, v8.16b
    eor v16.16b, v7.16b, v8.16b
    cnt v13.16b, v13.16b
    cnt v14.16b, v14.16b
    cnt v15.16b, v15.16b
    cnt v16.16b, v16.16b
    addv b13, v13.16b
    addv b14, v14.16b
    addv b15, v15.16b
    addv b16, v16.16b
    ins v13.s[1], v14.s[0]
    ins v13.s[2], v15.s[0]
    ins v13.s[3], v16.s[0]
    add v23.4s, v23.4s, v13.4s
    ldr q8, [x1, #32]
    eor v9.16b, v0.16b, v8.16b
    eor v10.16b, v1.16b, v8.16b
    eor v11.16b, v2.16b, v8.16b
    eor v12.16b, v3.16b, v8.16b
    cnt v9.16b, v9.16b
    cnt v10.16b, v10.16b
    cnt v11.16b, v11.16b
    cnt v12.16b, v12.16b
    addv b9, v9.16b
    addv b10, v10.16b
    addv b11, v11.16b
    addv b12, v12.16b
    ins v9.s[1], v10.s[0]
    ins v9.s[2], v11.s[0]
    ins v9.s[3], v12.s[0]
    add v24.4s, v24.4s, v9.4s
    eor v13.16b, v4.16b, v8.16b
    eor v14.16b, v5.16b, v8.16b
    eor v15.16b, v6.16b, v8.16b
    eor v16.16b, v7.16b, v8.16b
    cnt v13.16b, v13.16b
    cnt v14.16b, v14.16b
    cnt v15.16b, v15.16b
    cnt v16.16b, v16.16b
    addv b13, v13.16b
    addv b14, v14.16b
    addv b15, v15.16b
    addv b16, v16.16b
    ins v13.s[1], v14.s[0]
    ins v13.s[2], v15.s[0]
    ins v13.s[3], v16.s[0]
    add v25.4s, v25.4s, v13.4s
    ldr q8, [x1, #48]
    eor v9.16b, v0.16b, v8.16b
    eor v10.16b, v1.16b, v8.16b
    eor v11.16b, v2.16b, v8.16b
    eor v12.16b, v3.16b, v8.16b
    cnt v9.16b, v9.16b
    cnt v10.16b, v10.16b
    cnt v11.16b, v11.16b
    cnt v12.16b, v12.16b
    addv b9, v9.16b
    addv b10, v10.16b
    addv b11, v11.16b
    addv b12, v12.16b
    ins v9.s[1], v10.s[0]
    ins v9.s[2], v11.s[0]
    ins v9.s[3], v12.s[0]
    add v26.4s, v26.4s, v9.4s
    eor v13.16b, v4.16b, v8.16b
    eor v14.16b, v5.16b, v8.16b
    eor v15.16b, v6.16b, v8.16b
    eor v16.16b, v7.16b, v8.16b
    cnt v13.16b, v13.16b
    cnt v14.16b, v14.16b
    cnt v15.16b, v15.16b
    cnt v16.16b, v16.16b
    addv b13, v13.16b
    addv b14, v14.16b
    addv b15, v15.16b
    addv b16, v16.16b
    ins v13.s[1], v14.s[0]
    ins v13.s[2], v15.s[0]
    ins v13.s[3], v16.s[0]
    add v27.4s, v27.4s, v13.4s
    ldr q8, [x1, #64]
    eor v9.16b, v0.16b, v8.16b
    eor v10.16b, v1.16b, v8.16b
    eor v11.16b, v2.16b, v8.16b
    eor v12.16b, v3.16b, v8.16b
    cnt v9.16b, v9.16b
    cnt v10.16b, v10.16b
    cnt v11.16b, v11.16b
    cnt v12.16b, v12.16b
    addv b9, v9.16b
    addv b10, v10.16b
    addv b11, v11.16b
    addv b12, v12.16b
    ins v9.s[1], v10.s[0]
    ins v9.s[2], v11.s[0]
    ins v9.s[3], v12.s[0]
    add v28.4s, v28.4s, v9.4s
    eor v13.16b, v4.16b, v8.16b
    eor v14.16b, v5.16b, v8.16b
    eor v15.16b, v6.16b, v8.16b
    eor v16.16b, v7.16b, v8.16b
    cnt v13.16b, v13.16b
    cnt v14.16b, v14.16b
    cnt v15.16b, v15.16b
    cnt v16.16b, v16.16b
    addv b13, v13.16b
    addv b14, v14.16b
    addv b15, v15.16b
    addv b16, v16.16b
    ins v13.s[1], v14.s[0]
    ins v13.s[2], v15.s[0]
    ins v13.s[3], v16.s[0]
    add v29.4s, v29.4s, v13.4s
    ldr q8, [x1, #80]
    eor v9.16b, v0.16b, v8.16b
    eor v10.16b, v1.16b, v8.16b
    eor v11.16b, v2.16b, v8.16b
    eor v12.16b, v3.16b, v8.16b
    cnt v9.16b, v9.16b
    cnt v10.16b, v10.16b
    cnt v11.16b, v11.16b
    cnt v12.16b, v12.16b
    addv b9, v9.16b
    addv b10, v10.16b
    addv b11, v11.16b
    addv b12, v12.16b
    ins v9.s[1], v10.s[0]
    ins v9.s[2], v11.s[0]
    ins v9.s[3], v12.s[0]
    add v30.4s, v30.4s, v9.4s
    eor v13.16b, v4.16b, v8.16b
    eor v14.16b, v5.16b, v8.16b
    eor v15.16b, v6.16b, v8.16b
    eor v16.16b, v7.16b, v8.16b
    cnt v13.16b, v13.16b
    cnt v14.16b, v14.16b
    cnt v15.16b, v15.16b
    cnt v16.16b, v16.16b
    addv b13, v13.16b
    addv b14, v14.16b
    addv b15, v15.16b
    addv b16, v16.16b
    ins v13.s[1], v14.s[0]
    ins v13.s[2], v15.s[0]
    ins v13.s[3], v16.s[0]
    add v31.4s, v31.4s, v13.4s
    subs x9, x9, #1
    b.ne loop
