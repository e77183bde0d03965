// A table with open addressing, a search, fixed-point arithmetic, a switch: C without any header, for an 8-bit machine.
typedef unsigned char byte;
typedef unsigned int word;
typedef struct { word key; byte used, rank[4]; } Entry;
enum { SIZE = 32 };
static Entry entries[SIZE];
volatile byte port;

static word hash(word key) { return (key * 40503u) >> 11; }

Entry *find(word key, byte add)
{
  for (word i = 0, at = hash(key); i < SIZE; i++, at++) {
    Entry *e = &entries[at % SIZE];
    if (e->used && e->key == key)
      return e;
    if (!e->used) {
      if (!add)
        return 0;
      e->used = 1;
      e->key = key;
      return e;
    }
  }
  return 0;
}

long lerp(long a, long b, byte t) { return a + (((b - a) * t) >> 8); }
float length2(float x, float y, float z) { return x * x + y * y + z * z; }

int step(int state, byte event)
{
  switch (event) {
  case 0: return state + 1;
  case 1: return state * 3;
  case 2: return state / 7;
  case 3: return -state;
  case 4: return state << 2;
  case 7: return state ^ 0x55;
  case 9: return find(state, 1) ? 1 : 0;
  default: return state % 10;
  }
}

void sort(int *a, int n)
{
  for (int gap = n / 2; gap > 0; gap /= 2)
    for (int i = gap; i < n; i++) {
      int x = a[i], j = i;
      for (; j >= gap && a[j - gap] > x; j -= gap)
        a[j] = a[j - gap];
      a[j] = x;
    }
}

int main(void)
{
  int values[16], state = 1;
  for (byte i = 0; i < 16; i++) {
    state = step(state, port & 15);
    values[i] = state + lerp(i, 1000, i * 16) + length2(i, state, 2);
    find(values[i], 1)->rank[i & 3]++;
  }
  sort(values, 16);
  return values[8];
}
