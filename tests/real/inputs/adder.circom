pragma circom 2.0.0;

template Num2Bits(n) {
    signal input in;
    signal output out[n];
    var lc1 = 0;
    var e2 = 1;
    for (var i = 0; i < n; i++) {
        out[i] <-- (in >> i) & 1;
        out[i] * (out[i] - 1) === 0;
        lc1 += out[i] * e2;
        e2 = e2 + e2;
    }
    lc1 === in;
}

template Adder(n) {
    signal input a;
    signal input b;
    signal output sum[n + 1];
    component bits = Num2Bits(n + 1);
    bits.in <== a + b;
    for (var i = 0; i <= n; i++) {
        sum[i] <== bits.out[i];
    }
}

component main {public [a]} = Adder(64);
