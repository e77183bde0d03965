pragma circom 2.0.0;

template Num2Bits(n) {
    signal input in;
    signal output out[n];
    var lc = 0;
    var e = 1;
    for (var i = 0; i < n; i++) {
        out[i] <-- (in >> i) & 1;
        out[i] * (out[i] - 1) === 0;
        lc += out[i] * e;
        e = e + e;
    }
    lc === in;
}

template Mix(n) {
    signal input in[n];
    signal output out[n];
    component bits[n];
    for (var i = 0; i < n; i++) {
        bits[i] = Num2Bits(64);
        bits[i].in <== in[i];
        var s = 0;
        for (var j = 0; j < 64; j++) { s += bits[i].out[j] * ((j * 7 + i) % 64 + 1); }
        out[i] <== s * in[(i + 1) % n];
    }
}

template Chain(n, rounds) {
    signal input in[n];
    signal output out[n];
    component m[rounds];
    for (var r = 0; r < rounds; r++) {
        m[r] = Mix(n);
        for (var i = 0; i < n; i++) {
            if (r == 0) { m[r].in[i] <== in[i]; } else { m[r].in[i] <== m[r - 1].out[i]; }
        }
    }
    for (var i = 0; i < n; i++) { out[i] <== m[rounds - 1].out[i]; }
}

component main {public [in]} = Chain(8, 6);
