/* Two tokens that a regular expression cannot tell apart: see `externals` in grammar.js. */

#include "tree_sitter/parser.h"

enum { KEY_NAME, BLOCK_CHARS, NEVER };

void *tree_sitter_fanwise_external_scanner_create(void) { return NULL; }

void tree_sitter_fanwise_external_scanner_destroy(void *state) { (void)state; }

unsigned tree_sitter_fanwise_external_scanner_serialize(void *state, char *buffer) {
  (void)state;
  (void)buffer;
  return 0;
}

void tree_sitter_fanwise_external_scanner_deserialize(void *state, const char *buffer, unsigned length) {
  (void)state;
  (void)buffer;
  (void)length;
}

static bool is_space(int32_t c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == 0xFEFF; }

static bool is_letter(int32_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

static bool is_word(int32_t c) { return is_letter(c) || (c >= '0' && c <= '9'); }

/* A name that a `:` follows. */
static bool key_name(TSLexer *lexer) {
  while (is_space(lexer->lookahead)) lexer->advance(lexer, true);
  if (!is_letter(lexer->lookahead)) return false;
  while (is_word(lexer->lookahead)) lexer->advance(lexer, false);
  lexer->mark_end(lexer);
  while (is_space(lexer->lookahead)) lexer->advance(lexer, false);
  lexer->result_symbol = KEY_NAME;
  return lexer->lookahead == ':';
}

/* Everything up to a hole, an escape, or the three quotation marks that end the block. Of four or
   more in a row the last three end it: the first is a token of its own, and the lexer comes again. */
static bool block_chars(TSLexer *lexer) {
  bool any = false;
  lexer->result_symbol = BLOCK_CHARS;
  for (;;) {
    lexer->mark_end(lexer);
    if (lexer->eof(lexer) || lexer->lookahead == '{' || lexer->lookahead == '\\') return any;
    if (lexer->lookahead != '"') {
      lexer->advance(lexer, false);
      any = true;
      continue;
    }
    unsigned quotes = 0;
    while (lexer->lookahead == '"' && quotes < 4) {
      lexer->advance(lexer, false);
      quotes++;
      if (quotes == 1 && !any) lexer->mark_end(lexer);
    }
    if (quotes == 4) return true;
    if (quotes == 3) return any;
    any = true;
  }
}

bool tree_sitter_fanwise_external_scanner_scan(void *state, TSLexer *lexer, const bool *valid) {
  (void)state;
  /* Everything is valid only while the parser looks for a way out of an error. */
  if (valid[NEVER]) return false;
  if (valid[BLOCK_CHARS]) return block_chars(lexer);
  if (valid[KEY_NAME]) return key_name(lexer);
  return false;
}
