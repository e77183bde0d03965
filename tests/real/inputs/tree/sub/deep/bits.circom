pragma circom 2.0.0;
include "../gates.circom";

template BitsToNumber(n) {
    signal input bits[n];
    signal output out;
    var sum = 0;
    for (var i = 0; i < n; i++)
        sum += bits[i] * 2 ** i;
    out <== sum;
}
