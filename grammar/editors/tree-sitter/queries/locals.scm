[ (rule) (group) (predicate) (policy) (for_each) (each_value) (quantifier) (otherwise) ] @local.scope

(on alias: (identifier) @local.definition)
(otherwise alias: (identifier) @local.definition)
(parameter name: (identifier) @local.definition)
(let name: (identifier) @local.definition)
(for_each binding: (identifier) @local.definition)
(each_value binding: (identifier) @local.definition)
(quantifier binding: (identifier) @local.definition)

(identifier) @local.reference
