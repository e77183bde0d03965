`include "defs.vh"
module top(input clk, input rst, output reg [`WIDTH-1:0] q);
  always @(posedge clk)
    q <= rst ? 0 : q + `STEP;
endmodule
