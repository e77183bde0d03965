pragma circom 2.0.0;
include "sub/gates.circom";
include "sub/deep/bits.circom";

template Main(n) {
    signal input a[n];
    signal input b[n];
    signal output sum;
    component same[n];
    component num = BitsToNumber(n);
    for (var i = 0; i < n; i++) {
        same[i] = Xnor();
        same[i].a <== a[i];
        same[i].b <== b[i];
        num.bits[i] <== same[i].out;
    }
    sum <== num.out;
}
component main {public [a]} = Main(16);
