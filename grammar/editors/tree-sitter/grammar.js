/**
 * The Fanwise rule language, edition 2026, for editors.
 *
 * It accepts more than the compiler does (order of clauses, `and` beside `or`, chained comparisons):
 * an editor should colour and fold a file while it is still wrong. What the compiler accepts, this
 * grammar must read without an error; a test of the repository holds them together.
 *
 * @file Tree-sitter grammar of `.route` files
 * @license Apache-2.0
 */

/// <reference types="tree-sitter-cli/dsl" />
// @ts-check

/** Loosest first, as in the language book. A `each … : value` ends before a comparison. */
const PREC = { logic: 1, not: 2, compare: 3, each: 4, chain: 5, sum: 6, product: 7, sign: 8, path: 9 };

/** @param {RuleOrLiteral} rule */
const list1 = (rule) => seq(rule, repeat(seq(',', rule)));

/** @param {RuleOrLiteral} rule */
const list0 = (rule) => optional(seq(list1(rule), optional(',')));

const DAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];

module.exports = grammar({
  name: 'fanwise',

  word: ($) => $.identifier,

  extras: ($) => [/[\s\uFEFF]/, $.comment, $.doc],

  // `_key_name` is a name with a `:` after it, so that every word may be the key of a record.
  // `_block_chars` is text of a `"""` block, where up to two quotation marks are just characters.
  externals: ($) => [$._key_name, $._block_chars, $._never],

  supertypes: ($) => [$.expression, $.item, $.statement, $.type],

  reserved: {
    global: () => [
      'all', 'and', 'any', 'as', 'at', 'choose', 'connection', 'const', 'contains', 'deliver', 'each',
      'edition', 'else', 'ends', 'environments', 'every', 'expect', 'false', 'for', 'given', 'group', 'ignore',
      'import', 'in', 'is', 'let', 'limit', 'list', 'map', 'matches', 'no', 'none', 'not', 'null', 'of', 'on',
      'only', 'or', 'otherwise', 'policy', 'predicate', 'rule', 'satisfies', 'schedule', 'schema', 'starts',
      'test', 'true', 'when', 'where', 'with',
    ],
    anything: () => [],
  },

  rules: {
    file: ($) => seq(optional($.edition), repeat($.item)),

    edition: ($) => seq('edition', field('year', $.int)),

    item: ($) =>
      choice(
        $.environments, $.connection, $.import, $.schema, $.event, $.const, $.outside_list, $.predicate,
        $.schedule, $.policy, $.rule, $.group, $.test,
      ),

    // ------------------------------------------------------------------ declarations

    environments: ($) => seq('environments', '{', repeat1($.identifier), '}'),

    connection: ($) => seq('connection', field('name', $.identifier), ':', field('integration', $.identifier)),

    import: ($) => seq('import', 'schema', field('name', $.identifier), 'from', field('from', $._text)),

    schema: ($) => seq('schema', field('name', $.identifier), optional('open'), $.record_type),

    event: ($) => seq('event', $.pattern, ':', field('schema', $.identifier)),

    const: ($) => seq('const', field('name', $.identifier), '=', field('value', $.expression)),

    outside_list: ($) => seq('list', field('name', $.identifier), optional(seq('from', $._text))),

    predicate: ($) => seq('predicate', field('name', $.identifier), $.parameter, '=', field('body', $.expression)),

    parameter: ($) => seq('(', field('name', $.identifier), ':', field('type', $.type), ')'),

    policy: ($) => seq('policy', field('name', $.identifier), optional($.parameter), $.record),

    schedule: ($) =>
      seq('schedule', field('name', $.identifier), '=', list1($.hours), 'in', field('zone', $._text),
        optional(seq('except', list1($.date)))),

    hours: ($) => seq($._days, $.time, 'to', $.time),

    _days: ($) => choice('weekdays', 'weekends', seq('every', 'day'), seq($.day, optional(seq('to', $.day)))),

    day: () => choice(...DAYS),

    // ------------------------------------------------------------------ types

    record_type: ($) => seq('{', repeat(seq($.field_type, optional(','))), '}'),

    field_type: ($) =>
      seq(field('key', $.key), ':', field('type', $.type), repeat(choice('sensitive', $.deprecated))),

    deprecated: ($) => prec.right(seq('deprecated', optional($._text))),

    type: ($) =>
      choice($.optional_type, $.named_type, $.literal_type, $.list_type, $.map_type, $.record_type, $.paren_type),

    optional_type: ($) => seq($.type, '?'),

    named_type: ($) => choice('any', $.identifier),

    literal_type: ($) => prec.left(seq($._text, repeat(seq('|', $._text)))),

    list_type: ($) => prec.right(-1, seq('list', 'of', $.type, optional(seq('limit', $.int)))),

    map_type: ($) => prec.right(-1, seq('map', 'of', $.type)),

    paren_type: ($) => seq('(', $.type, ')'),

    // ------------------------------------------------------------------ rules

    rule: ($) => seq('rule', field('name', $.identifier), '{', repeat($._clause), repeat1($.statement), '}'),

    _clause: ($) => choice($.on, $.resource, $.resource_id, $.only, $.let, $.when, $.unless, $.with),

    on: ($) => seq('on', list1($.pattern), optional(seq('as', field('alias', $.identifier)))),

    resource: ($) => seq('resource', $._text),

    resource_id: ($) => seq('resource_id', $._text),

    only: ($) => seq('only', 'in', list1($.identifier)),

    let: ($) => seq('let', field('name', $.identifier), '=', field('value', $.expression)),

    when: ($) => seq('when', $.expression),

    unless: ($) => seq('unless', $.expression),

    with: ($) =>
      seq('with', choice($.record, seq(field('policy', $.identifier), optional($.argument), optional($.record)))),

    argument: ($) => seq('(', $.identifier, ')'),

    group: ($) =>
      seq('group', field('name', $.identifier), 'first_match', '{', repeat1($.rule), optional($.otherwise), '}'),

    statement: ($) => choice($.deliver, $.choose, $.for_each, $.ignore),

    block: ($) => seq('{', repeat1($.statement), '}'),

    deliver: ($) =>
      seq('deliver', $._action, optional(seq('as', field('label', $.identifier))),
        repeat(choice($.when, $.unless)), optional($.record), optional($.with)),

    _action: ($) =>
      seq(field('connection', $.identifier), '.', field('action', reserved('anything', $.identifier))),

    choose: ($) => seq('choose', '{', repeat1($.arm), optional($.otherwise), '}'),

    arm: ($) => seq(repeat1(choice($.when, $.unless)), $.block),

    otherwise: ($) => seq('otherwise', optional(seq('as', field('alias', $.identifier))), $.block),

    for_each: ($) =>
      seq('for', 'each', field('binding', $.identifier), 'in', field('list', $.expression), optional($.where),
        optional(seq('limit', $.int)), $.block),

    where: ($) => seq('where', $.expression),

    ignore: ($) => seq('ignore', optional($._text)),

    // ------------------------------------------------------------------ tests

    test: ($) =>
      seq('test', field('title', $._text), '{',
        repeat(choice(seq('in', field('environment', $.identifier)), seq('at', $.datetime))),
        repeat1($._step), '}'),

    _step: ($) => choice($.given, $.after, $.expect),

    given: ($) =>
      seq('given', $.pattern, repeat(choice($.resource, $.resource_id)), choice(seq('from', $._text), $.record)),

    after: ($) => seq('after', $.duration),

    expect: ($) =>
      seq('expect', choice(
        seq('nothing', optional('else')),
        seq('rule', field('rule', $.identifier), choice('matched', 'skipped')),
        seq(optional(choice('no', $.int)), $._action, optional($.expect_record)),
      )),

    expect_record: ($) => seq('{', repeat(seq(choice($.entry, $.expect_entry), optional(','))), '}'),

    expect_entry: ($) => seq(field('key', choice($.identifier, $.text)), $._tail),

    // ------------------------------------------------------------------ expressions

    expression: ($) =>
      choice(
        $.logic, $.not, $.comparison, $.pipe, $.else, $.arithmetic, $.negative, $.field, $.index,
        $.parenthesised, $.connective, $.quantifier, $.choose_value, $.each_value, $.list, $.record,
        $.text, $.block_text, $.bool, $.null, $.int, $.decimal, $.percent, $.duration, $.date, $.datetime,
        $.identifier,
      ),

    logic: ($) => prec.left(PREC.logic, seq($.expression, choice('and', 'or'), $.expression)),

    not: ($) => prec(PREC.not, seq('not', $.expression)),

    comparison: ($) => prec.left(PREC.compare, seq(field('left', $.expression), $._tail)),

    _tail: ($) =>
      prec.right(PREC.compare, seq(
        choice(
          seq('is', optional('not'), choice('missing', 'present', 'empty')),
          seq(choice('<', '<=', '>', '>='), $.expression),
          seq('is', optional('not'), $.expression),
          seq(optional('not'), choice('in', 'contains', seq('starts', 'with'), seq('ends', 'with'), 'matches'),
            $.expression),
          seq(optional('not'), 'matches', 'regex', choice($.pattern_text, $.identifier)),
        ),
        optional(seq('ignoring', 'case')),
      )),

    pipe: ($) => prec.left(PREC.chain, seq($.expression, '|', choice($.capture, $.transform))),

    transform: ($) =>
      prec.right(seq(
        field('name', reserved('anything', $.identifier)),
        optional(seq('(', list0($.expression), ')')),
      )),

    capture: ($) => seq('capture', '(', choice($.pattern_text, $.identifier), ',', $.text, optional(','), ')'),

    else: ($) => prec.left(PREC.chain, seq($.expression, 'else', $.expression)),

    arithmetic: ($) =>
      choice(
        prec.left(PREC.sum, seq($.expression, choice('+', '-'), $.expression)),
        prec.left(PREC.product, seq($.expression, choice('*', '/'), $.expression)),
      ),

    negative: ($) => prec(PREC.sign, seq('-', $.expression)),

    field: ($) =>
      prec.left(PREC.path, seq(
        field('base', $.expression), '.', field('name', choice(reserved('anything', $.identifier), $.text)),
      )),

    index: ($) => prec.left(PREC.path, seq(field('base', $.expression), '[', $.expression, ']')),

    parenthesised: ($) => seq('(', $.expression, ')'),

    connective: ($) => seq(choice('all', 'any', 'none'), 'of', choice($.list, $.identifier)),

    quantifier: ($) =>
      seq(choice('any', 'every', 'no'), field('binding', $.identifier), 'in', field('list', $.expression),
        'satisfies', $.parenthesised),

    choose_value: ($) =>
      seq('choose', '{', repeat1(seq($.choose_arm, optional(','))),
        optional(seq('otherwise', ':', $.expression, optional(','))), '}'),

    choose_arm: ($) => seq('when', $.expression, ':', $.expression),

    each_value: ($) =>
      prec(PREC.each, seq('each', field('binding', $.identifier), 'in', field('list', $.expression),
        optional($.where), ':', field('body', $.expression))),

    list: ($) => seq('[', list0($.expression), ']'),

    record: ($) => seq('{', repeat(seq(choice($.entry, $.spread), optional(','))), '}'),

    spread: ($) => seq('..', $.expression),

    entry: ($) => seq(field('key', $.key), ':', field('value', $.expression)),

    key: ($) => choice($._key_name, $.text),

    // ------------------------------------------------------------------ literals

    _text: ($) => choice($.text, $.block_text),

    text: ($) =>
      seq('"', repeat(choice(token.immediate(prec(1, /[^"\\{\n]+/)), $.escape, $.hole)), token.immediate('"')),

    block_text: ($) => seq('"""', repeat(choice($._block_chars, $.escape, $.hole)), token.immediate('"""')),

    escape: () => token.immediate(/\\(["\\{}nt]|u\{[0-9A-Fa-f]{1,6}\})/),

    hole: ($) => seq(token.immediate('{'), $.expression, '}'),

    // Inside a regular expression nothing is a hole; `\"` is a quotation mark.
    pattern_text: () => token(/"(\\[^\n]|[^"\\\n])*"/),

    pattern: () => {
      const segment = choice('**', '*', /[A-Za-z0-9_-]+/);
      return token(seq(segment, repeat(seq('.', segment))));
    },

    identifier: () => /[A-Za-z_][A-Za-z0-9_]*/,
    bool: () => choice('true', 'false'),
    null: () => 'null',
    int: () => /[0-9]+(_[0-9]+)*/,
    decimal: () => /[0-9]+(_[0-9]+)*\.[0-9]+/,
    percent: () => /[0-9]+(_[0-9]+)*(\.[0-9]+)?%/,
    duration: () => /([0-9]+(ms|s|m|h|d))+/,
    date: () => /[0-9]{4}-[0-9]{2}-[0-9]{2}/,
    time: () => /[0-9]{2}:[0-9]{2}/,
    datetime: () =>
      /[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})/,

    // `##` describes what follows; `#` and `###` are remarks.
    doc: () => token(/##([^#\n][^\n]*)?/),
    comment: () => token(choice(/#([^#\n][^\n]*)?/, /###[^\n]*/)),
  },
});
