`define WIDTH 12
`include "deep/step.vh"
