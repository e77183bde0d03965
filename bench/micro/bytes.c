// Byte scanning and classification, and a CRC by table.
#include <stdint.h>
#include <stdio.h>
static uint8_t data[1 << 20];
static uint32_t crc_table[256];
int main(void)
{
  uint32_t x = 12345, spaces = 0, digits = 0, upper = 0, crc = ~0u;
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t c = i;
    for (int k = 0; k < 8; k++)
      c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
    crc_table[i] = c;
  }
  for (uint32_t i = 0; i < sizeof data; i++)
    x = x * 1103515245 + 12345, data[i] = (uint8_t)(x >> 16 & 127);
  for (int round = 0; round < 100; round++)
    for (uint32_t i = 0; i < sizeof data; i++) {
      uint8_t c = data[i];
      spaces += c == ' ' || c == '\n' || c == '\t';
      digits += c >= '0' && c <= '9';
      upper += c >= 'A' && c <= 'Z';
      crc = crc_table[(crc ^ c) & 255] ^ crc >> 8;
    }
  printf("%u %u %u %08x\n", spaces, digits, upper, crc);
  return 0;
}
