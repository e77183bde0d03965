// Folded instructions: a body becomes a forest, then the forest is printed with an explicit stack.
// (op a b) only says that a and b come first, so any instructions before op may become its operands and the bytes stay the
// same; to be of use to a reader, an instruction takes the expressions before it when their results are exactly its operands.
#include "compiler/wasm/wat_print_int.h"

typedef enum NodeKind { NODE_PLAIN, NODE_BLOCK, NODE_IF, NODE_TRY, NODE_PART } NodeKind;
enum { NIL = 0xffffffffu, INLINE = 5 }; // smaller expressions stand on one line
typedef struct Node {
  uint8_t kind;
  uint16_t op;
  uint32_t at;               // of the opcode, from the start of the code
  uint32_t ordinal;          // of its label
  uint32_t results;          // values it leaves
  uint32_t size;             // instructions in it; INLINE or more when it holds a block
  uint32_t prev, next;       // siblings
  uint32_t first, last;      // operands; contents of a block or part
  uint32_t part;             // IF, TRY: first of its parts (then, else, do, catch..), linked by next
  uint32_t last_part;
} Node;

typedef struct Folder {
  Printer *p;
  const uint8_t *code;
  VEC(Node) node;
  VEC(uint32_t) stack;       // open nodes
  uint32_t nlabels;
} Folder;

static uint32_t new_node(Folder *f, NodeKind kind, Op op, uint32_t at)
{
  *zw_push(f->p->scratch, &f->node) = (Node){ .kind = (uint8_t)kind, .op = (uint16_t)op, .at = at, .prev = NIL, .next = NIL,
                                              .size = kind == NODE_PLAIN ? 1 : INLINE, .first = NIL, .last = NIL, .part = NIL, .last_part = NIL };
  return f->node.n - 1;
}

static Node *node(Folder *f, uint32_t i) { return &f->node.p[i]; }
static uint32_t top(const Folder *f) { return f->stack.p[f->stack.n - 1]; }

static void append(Folder *f, uint32_t parent, uint32_t child)
{
  Node *p = node(f, parent), *c = node(f, child);
  c->prev = p->last, c->next = NIL;
  if (p->last == NIL)
    p->first = child;
  else
    node(f, p->last)->next = child;
  p->last = child;
}

static void append_part(Folder *f, uint32_t parent, uint32_t part)
{
  Node *p = node(f, parent);
  if (p->last_part == NIL)
    p->part = part;
  else
    node(f, p->last_part)->next = part;
  p->last_part = part;
}

// Let the newest expressions of `parent` whose results are exactly `operands` become children of `child`.
static void take_operands(Folder *f, uint32_t parent, uint32_t child, uint64_t operands)
{
  uint64_t have = 0;
  uint32_t first = NIL;
  uint64_t size = node(f, child)->size;
  for (uint32_t k = node(f, parent)->last; k != NIL && have < operands && node(f, k)->results; k = node(f, k)->prev)
    have += node(f, k)->results, size += node(f, k)->size, first = k;
  if (have != operands || operands == 0)
    return;
  node(f, child)->size = size < INLINE ? (uint32_t)size : INLINE;
  Node *p = node(f, parent), *c = node(f, child);
  c->first = first, c->last = p->last;
  p->last = node(f, first)->prev;
  if (p->last == NIL)
    p->first = NIL;
  else
    node(f, p->last)->next = NIL;
  node(f, first)->prev = NIL;
}

// ---- operands and results of each instruction ----
typedef struct Arity { uint64_t in, out; } Arity;

static Arity type_arity(const Module *m, uint32_t type, uint32_t extra)
{
  const FuncType *t = m->types[type].func;
  return (Arity){ (uint64_t)t->nparams + extra, t->nresults };
}

static Arity wasm_arity(const Folder *f, Op op, const uint8_t *imm)
{
  const Module *m = f->p->m;
  uint32_t x;
  switch ((int)op) {
  case OP_local_get: case OP_global_get: case OP_table_size: case OP_memory_size: case OP_i32_const: case OP_i64_const:
  case OP_f32_const: case OP_f64_const: case OP_v128_const: case OP_ref_null: case OP_ref_func: case OP_struct_new_default:
    return (Arity){ 0, 1 };
  case OP_drop: case OP_local_set: case OP_global_set: case OP_br_if: case OP_br_table: case OP_throw_ref:
    return (Arity){ 1, 0 };
  case OP_local_tee: case OP_table_get: case OP_memory_grow: case OP_ref_is_null: case OP_ref_as_non_null: case OP_struct_get:
  case OP_struct_get_s: case OP_struct_get_u: case OP_array_new_default: case OP_array_len: case OP_ref_test: case OP_ref_test_null:
  case OP_ref_cast: case OP_ref_cast_null: case OP_any_convert_extern: case OP_extern_convert_any: case OP_ref_i31: case OP_i31_get_s:
  case OP_i31_get_u: case OP_br_on_null: case OP_br_on_cast: case OP_br_on_cast_fail:
    return (Arity){ 1, 1 };
  case OP_br_on_non_null: return (Arity){ 1, 0 };
  case OP_table_set: case OP_struct_set: return (Arity){ 2, 0 };
  case OP_table_grow: case OP_ref_eq: case OP_array_new: case OP_array_get: case OP_array_get_s: case OP_array_get_u:
  case OP_array_new_data: case OP_array_new_elem: case OP_i8x16_shuffle:
    return (Arity){ 2, 1 };
  case OP_select: case OP_select_t: return (Arity){ 3, 1 };
  case OP_array_set: case OP_table_fill: case OP_table_init: case OP_table_copy: case OP_memory_init: case OP_memory_copy: case OP_memory_fill:
    return (Arity){ 3, 0 };
  case OP_array_fill: case OP_array_init_data: case OP_array_init_elem: return (Arity){ 4, 0 };
  case OP_array_copy: return (Arity){ 5, 0 };
  case OP_call: case OP_return_call: return type_arity(m, m->funcs[zw_fast_u32(&imm)].type, 0);
  case OP_call_indirect: case OP_return_call_indirect: case OP_call_ref: case OP_return_call_ref:
    return type_arity(m, zw_fast_u32(&imm), 1);
  case OP_throw: return (Arity){ type_arity(m, m->tags[zw_fast_u32(&imm)].type, 0).in, 0 };
  case OP_struct_new:
    x = zw_fast_u32(&imm);
    return (Arity){ m->types[x].nfields, 1 };
  case OP_array_new_fixed:
    zw_fast_u32(&imm);
    return (Arity){ zw_fast_u32(&imm), 1 };
  case OP_return:
    return (Arity){ f->p->func == UINT32_MAX ? 0 : m->types[m->funcs[f->p->func].type].func->nresults, 0 };
  default: return (Arity){ 0, 0 };
  }
}

static Arity arity(const Folder *f, Op op, const uint8_t *imm)
{
  const OpInfo *i = &zw_op_info[op];
  return i->kind == OPK_WASM ? wasm_arity(f, op, imm) : (Arity){ i->nin, i->nout };
}

// ---- the forest ----
static void open_block(Folder *f, Op op, uint32_t at, const uint8_t *imm)
{
  uint32_t parent = top(f);
  uint32_t n = new_node(f, op == OP_if ? NODE_IF : op == OP_try ? NODE_TRY : NODE_BLOCK, op, at);
  BlockType t = zw_fast_blocktype(f->p->m, &imm);
  node(f, n)->ordinal = f->nlabels++;
  node(f, n)->results = t.nresults;
  if (op == OP_if)
    take_operands(f, parent, n, 1);
  append(f, parent, n);
  *zw_push(f->p->scratch, &f->stack) = n;
  if (op == OP_if || op == OP_try) {
    uint32_t part = new_node(f, NODE_PART, op, at);
    append_part(f, n, part);
    *zw_push(f->p->scratch, &f->stack) = part;
  }
}

static void next_part(Folder *f, Op op, uint32_t at)
{
  f->stack.n--;
  uint32_t part = new_node(f, NODE_PART, op, at);
  append_part(f, top(f), part);
  *zw_push(f->p->scratch, &f->stack) = part;
}

static void close_block(Folder *f, Op op, uint32_t at)
{
  if (node(f, top(f))->kind == NODE_PART) {
    if (op == OP_delegate)
      next_part(f, op, at);
    f->stack.n--;
  }
  f->stack.n--;
}

static void build(Folder *f, const uint8_t *end)
{
  const uint8_t *at = f->code;
  while (at < end) {
    uint32_t off = (uint32_t)(at - f->code);
    Op op = zw_fast_op(&at, zw_op_one_byte);
    const uint8_t *imm = at;
    zw_skip_imm(&at, op);
    switch ((int)op) {
    case OP_block: case OP_loop: case OP_if: case OP_try: case OP_try_table: open_block(f, op, off, imm); break;
    case OP_else: case OP_catch: case OP_catch_all: next_part(f, op, off); break;
    case OP_end: case OP_delegate: close_block(f, op, off); break;
    default: {
      Arity a = arity(f, op, imm);
      uint32_t n = new_node(f, NODE_PLAIN, op, off);
      node(f, n)->results = (uint32_t)a.out;
      take_operands(f, top(f), n, a.in);
      append(f, top(f), n);
    }
    }
  }
}

// ---- printing ----

// Open a node's parenthesis.
static void put_open(Folder *f, const Node *n, bool same_line)
{
  const uint8_t *op_at = f->code + n->at, *at = op_at;
  if (same_line)
    put(f->p, " ");
  else
    zw_wat_newline(f->p);
  Op op = zw_fast_op(&at, zw_op_one_byte);
  if (n->kind != NODE_PART)
    zw_wat_put_hint(f->p, op_at, op);
  put(f->p, "(");
  switch ((NodeKind)n->kind) {
  case NODE_PLAIN: zw_wat_put_op(f->p, op, &at); break;
  case NODE_BLOCK: case NODE_IF: case NODE_TRY: zw_wat_put_block_head(f->p, op, n->ordinal, &at); break;
  case NODE_PART:
    if (n->op == OP_if || n->op == OP_try)
      put(f->p, n->op == OP_if ? "then" : "do");
    else
      zw_wat_put_op(f->p, op, &at);
    break;
  }
}

typedef struct Visit { uint32_t node, child; bool in_parts; } Visit; // child: the next to print, NIL = all done

// Labels: a block's counts from its contents on, an if's from its first part on, a try's until delegate.
static void print_forest(Folder *f, uint32_t root)
{
  VEC(Visit) visits = { 0 };
  Arena *a = f->p->scratch;
  *zw_push(a, &visits) = (Visit){ root, node(f, root)->first, false };
  while (visits.n) {
    Visit *v = &visits.p[visits.n - 1];
    Node *n = node(f, v->node);
    if (v->child == NIL && !v->in_parts && n->part != NIL) { // operands done: its parts
      v->in_parts = true, v->child = n->part;
      zw_wat_push_label(f->p, n->ordinal);
    }
    if (v->child == NIL) {
      bool has_label = v->in_parts ? node(f, n->last_part)->op != OP_delegate : n->kind == NODE_BLOCK;
      if (v->node != root) {
        if (has_label)
          zw_wat_pop_label(f->p);
        f->p->indent--;
        put(f->p, ")");
      }
      visits.n--;
      continue;
    }
    uint32_t c = v->child;
    v->child = node(f, c)->next;
    if (node(f, c)->op == OP_delegate && node(f, c)->kind == NODE_PART)
      zw_wat_pop_label(f->p);
    put_open(f, node(f, c), n->size < INLINE);
    f->p->indent++;
    if (node(f, c)->kind == NODE_BLOCK && v->node != NIL)
      zw_wat_push_label(f->p, node(f, c)->ordinal);
    *zw_push(a, &visits) = (Visit){ c, node(f, c)->first, false };
  }
}

void zw_wat_print_folded(Printer *p, const uint8_t *at, const uint8_t *end)
{
  ArenaMark mark = zw_arena_mark(p->scratch);
  Folder f = { .p = p, .code = at };
  uint32_t root = new_node(&f, NODE_PART, OP_block, 0);
  *zw_push(p->scratch, &f.stack) = root;
  build(&f, end - 1);
  print_forest(&f, root);
  memset(&p->open, 0, sizeof p->open); // lived in the scratch that goes now
  zw_arena_release(p->scratch, mark);
}
