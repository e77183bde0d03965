pragma circom 2.0.0;

template And() {
    signal input a;
    signal input b;
    signal output out;
    out <== a * b;
}
template Xnor() {
    signal input a;
    signal input b;
    signal output out;
    component both = And();
    both.a <== a;
    both.b <== b;
    out <== 1 - a - b + 2 * both.out;
}
