// A binary tree of structs: pointer chasing, allocation, small fields.
#include <stdio.h>
#include <stdlib.h>
typedef struct Node { struct Node *left, *right; int key; } Node;
static Node *build(int depth)
{
  Node *n = malloc(sizeof *n);
  n->key = depth;
  n->left = n->right = NULL;
  if (depth > 0)
    n->left = build(depth - 1), n->right = build(depth - 1);
  return n;
}
static int check(const Node *n) { return n ? n->key + check(n->left) - check(n->right) * 3 : 1; }
static void drop(Node *n) { if (n) { drop(n->left), drop(n->right), free(n); } }
int main(void)
{
  int sum = 0;
  for (int i = 0; i < 120; i++) {
    Node *t = build(16);
    sum += check(t);
    drop(t);
  }
  printf("%d\n", sum);
  return 0;
}
