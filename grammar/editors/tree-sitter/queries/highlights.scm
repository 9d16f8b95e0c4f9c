; Capture names are those that Neovim, Helix, Zed and `tree-sitter highlight` share.

(comment) @comment
(doc) @comment.documentation

[
  "edition" "environments" "connection" "import" "schema" "open" "event" "const" "list" "predicate" "policy"
  "schedule" "rule" "group" "first_match" "test" "from" "let" "as" "with" "to" "except" "every" "day" "weekdays"
  "weekends" "at" "given" "after" "expect" "nothing" "matched" "skipped" "sensitive" "map" "limit" "resource"
  "resource_id" "only"
] @keyword
(deprecated "deprecated" @keyword)
(day) @keyword

[ "on" "when" "unless" "otherwise" "choose" "else" ] @keyword.conditional
[ "for" "each" "where" "satisfies" ] @keyword.repeat
[ "deliver" "ignore" ] @keyword.return

[
  "is" "not" "and" "or" "in" "of" "all" "any" "none" "no" "contains" "starts" "ends" "matches" "regex" "ignoring"
  "case" "missing" "present" "empty"
] @keyword.operator
(comparison "with" @keyword.operator)
(expect_entry "with" @keyword.operator)

[ "+" "-" "*" "/" "<" "<=" ">" ">=" "=" "|" ".." "?" ] @operator
[ "." "," ":" ] @punctuation.delimiter
[ "{" "}" "[" "]" "(" ")" ] @punctuation.bracket

(text) @string
(block_text) @string
(pattern_text) @string.regexp
(escape) @string.escape
(hole "{" @punctuation.special "}" @punctuation.special) @none

[ (int) (decimal) (percent) (duration) (date) (time) (datetime) ] @number
(bool) @boolean
(null) @constant.builtin

(identifier) @variable
((identifier) @variable.builtin
  (#any-of? @variable.builtin "event" "environment" "workspace" "payload"))
(key) @property
(field name: (_) @property)
(expect_entry key: (_) @property)
(pattern) @string.special

(named_type (identifier) @type)
((named_type (identifier) @type.builtin)
  (#any-of? @type.builtin
    "text" "int" "decimal" "bool" "email" "url" "uuid" "ip" "cidr" "datetime" "date" "duration"))
(named_type "any" @type.builtin)
(schema name: (identifier) @type)
(import name: (identifier) @type)
(event schema: (identifier) @type)

(connection name: (identifier) @module integration: (identifier) @type)
(deliver connection: (identifier) @module action: (identifier) @function)
(expect connection: (identifier) @module action: (identifier) @function)
(transform name: (identifier) @function)
(capture "capture" @function)

(rule name: (identifier) @function)
(group name: (identifier) @function)
(expect rule: (identifier) @function)
(predicate name: (identifier) @function)
(policy name: (identifier) @function)
(with policy: (identifier) @function)
(const name: (identifier) @constant)
(outside_list name: (identifier) @constant)
(schedule name: (identifier) @constant)
(environments (identifier) @constant)
(only (identifier) @constant)
(test environment: (identifier) @constant)

(parameter name: (identifier) @variable.parameter)
(on alias: (identifier) @variable.parameter)
(otherwise alias: (identifier) @variable.parameter)
(for_each binding: (identifier) @variable.parameter)
(each_value binding: (identifier) @variable.parameter)
(quantifier binding: (identifier) @variable.parameter)
(deliver label: (identifier) @label)
