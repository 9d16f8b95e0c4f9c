[
  (schema) (record_type) (record) (list) (rule) (group) (block) (choose) (choose_value) (policy) (test)
  (block_text) (environments)
] @fold
