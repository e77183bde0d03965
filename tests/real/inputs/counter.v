module counter(input clk, input rst, input [3:0] step, output reg [15:0] value, output wrap);
  wire [16:0] next = value + step;
  assign wrap = next[16];
  always @(posedge clk)
    if (rst) value <= 0;
    else value <= next[15:0];
endmodule

module alu(input [7:0] a, input [7:0] b, input [2:0] op, output reg [7:0] y);
  always @*
    case (op)
      0: y = a + b;
      1: y = a - b;
      2: y = a & b;
      3: y = a | b;
      4: y = a ^ b;
      5: y = a << b[2:0];
      6: y = a >> b[2:0];
      default: y = a * b;
    endcase
endmodule
