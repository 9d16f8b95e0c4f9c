//! Conditions and payloads from a seed. Payloads take their values from the conditions' constants, so
//! that answers are not all no.

#[path = "indexable.rs"]
mod indexable;

/// Where everything random comes from: xorshift64*, seeded.
pub struct Generator {
    state: u64,
    /// The elements of enclosing loops that may be mentioned, outermost first.
    elements: Vec<String>,
    loops: usize,
    typed: bool,
}

const TEXTS: &[&str] = &[
    "a",
    "b",
    "A",
    "vip",
    "hotfix/one",
    "Ärger",
    "straße",
    "",
    "2",
    "10.1.2.3",
    "日本",
    "VIP",
    "\u{212a}elvin",
    "kelvin",
    "hotfix/two@example.com",
];
const NUMBERS: &[&str] = &["0", "1", "2", "3", "2.5", "2.50", "-3", "19.90", "100", "9223372036854775807"];
const ODD: &[&str] = &[
    "1e99",
    "-0",
    "2.0",
    "1e0",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "0.30000000000000004",
    "12345678901234567890123456789",
    "\"\\u00e4rger\"",
    "\"\\ud83d\\ude00\"",
    "{}",
    "[]",
    "[[1]]",
    "{\"k\":null}",
    "\"2026-03-01T10:00:00Z\"",
    "\"PT90M\"",
];

/// What the fields of the schema are called, by what they are declared as.
const ANY_FIELDS: &[&str] = &["a", "b", "n", "s", "o.k"];

impl Generator {
    pub fn new(seed: u64) -> Self {
        let mut generator = Self {
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            elements: Vec::new(),
            loops: 0,
            typed: false,
        };
        generator.below(2);
        generator.typed = generator.below(2) == 0;
        generator
    }

    fn below(&mut self, end: usize) -> usize {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let high = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).expect("31 bits") % end
    }

    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from[self.below(from.len())]
    }

    /// A schema for every other seed; what is in it changes what a missing list is and how texts that
    /// are instants are read.
    pub fn declarations(&self) -> &'static str {
        if self.typed {
            "schema T open { tags: (list of text)?, at: datetime?, took: duration?, amount: decimal?, count: int?, \
             name: text?, flag: bool? }\nevent t: T\nlist kept\nlist gone\n"
        } else {
            "list kept\nlist gone\n"
        }
    }

    pub fn condition(&mut self) -> String {
        let depth = self.below(3);
        self.nested(depth)
    }

    fn nested(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.atom();
        }
        let mut parts: Vec<String> = (0..2 + self.below(2)).map(|_| self.nested(depth - 1)).collect();
        match self.below(7) {
            0 | 1 => format!("({})", parts.join(" and ")),
            2 | 3 => format!("({})", parts.join(" or ")),
            4 => format!("any of [{}]", parts.join(", ")),
            5 => format!("none of [{}]", parts.join(", ")),
            _ => format!("not ({})", parts.pop().expect("two parts")),
        }
    }

    fn atom(&mut self) -> String {
        if self.loops < 2 && self.below(8) == 0 {
            return self.quantifier();
        }
        if self.typed && self.below(3) == 0 {
            return self.typed_atom();
        }
        if self.below(12) == 0 {
            return match self.below(3) {
                0 => format!("event.resource {} {}", self.pick(&["is", "is not", "contains"]), self.text()),
                1 => format!("event.resource in [{}, {}]", self.text(), self.text()),
                _ => "event.resource is missing".into(),
            };
        }
        let path = self.path();
        match self.below(17) {
            0 | 1 => format!("{path} is {}", self.constant()),
            2 => format!("{path} is not {}", self.constant()),
            3 => format!("{path} is {} ignoring case", self.text()),
            4 | 5 => {
                let op = self.pick(&["<", "<=", ">", ">="]);
                format!("{path} {op} {}", self.pick(NUMBERS))
            }
            6 => {
                let values: Vec<String> = (0..1 + self.below(10)).map(|_| self.constant()).collect();
                format!("{path} {} [{}]", self.pick(&["in", "not in"]), values.join(", "))
            }
            7 => format!("{path} is {}", self.pick(&["missing", "present", "null", "not null", "empty"])),
            8 => {
                let op = self.pick(&["contains", "starts with", "ends with", "not contains"]);
                format!("{path} {op} {}{}", self.text(), self.pick(&["", "", " ignoring case"]))
            }
            9 => {
                let texts: Vec<String> = (0..2 + self.below(3)).map(|_| self.text()).collect();
                let (op, how) =
                    (self.pick(&["contains", "starts with"]), self.pick(&["any of", "all of", "none of"]));
                format!("{path} {op} {how} [{}]", texts.join(", "))
            }
            10 => format!(
                "{path} matches {}",
                self.pick(&["\"*\"", "\"a*\"", "\"[a-c]\"", "\"hot?ix/*\"", "\"*2\""])
            ),
            11 => format!("{path} matches regex {}", self.pick(&["\"^[a-z]+$\"", "\"\\d\"", "\"(?i)VIP\""])),
            12 => format!("{path} {} {}", self.pick(&["is", "is not", "<", ">="]), self.path()),
            13 => format!("{path} + {} > {}", self.path(), self.pick(NUMBERS)),
            14 => format!("(({path} | lower) else \"b\") is {}", self.text()),
            15 => {
                let (list, case) = (self.pick(&["kept", "kept", "gone"]), self.pick(&["", " ignoring case"]));
                format!("{path} {} {list}{case}", self.pick(&["in", "not in"]))
            }
            _ => format!("{path} {} \"10.0.0.0/8\"", self.pick(&["in", "not in"])),
        }
    }

    fn typed_atom(&mut self) -> String {
        match self.below(8) {
            0 => format!("p.tags contains {}", self.text()),
            1 => format!("{} in p.tags", self.text()),
            2 => "p.tags is empty".into(),
            3 => format!("p.at {} 2026-03-01T00:00:00Z", self.pick(&["<", ">", "is", "is not"])),
            4 => format!("p.took {} 1h30m", self.pick(&["<=", ">", "is"])),
            5 => format!("p.amount * 2 {} {}", self.pick(&["<", ">=", "is"]), self.pick(NUMBERS)),
            6 => {
                format!("p.count {} {}", self.pick(&["<", ">=", "is", "is not"]), self.pick(&["0", "1", "2"]))
            }
            _ => self
                .pick(&["p.flag", "p.flag is not true", "p.name contains \"i\"", "p.name is empty"])
                .into(),
        }
    }

    fn quantifier(&mut self) -> String {
        let kind = self.pick(&["any", "every", "no"]);
        let list = match self.elements.last().cloned() {
            Some(element) if self.below(2) == 0 => format!("{element}.ys"),
            _ => self.pick(&["p.xs", "p.ys", "p.o.ys"]).to_owned(),
        };
        let element = ["x", "y"][self.loops];
        // An inner loop over an unrelated list must not compare with the outer element.
        let outer = std::mem::take(&mut self.elements);
        let related = outer.last().is_some_and(|outer| list.starts_with(outer.as_str()));
        self.elements = if related { outer.clone() } else { Vec::new() };
        self.elements.push(element.to_owned());
        self.loops += 1;
        let condition = self.atom();
        self.loops -= 1;
        self.elements = outer;
        format!("{kind} {element} in {list} satisfies ({condition})")
    }

    fn path(&mut self) -> String {
        if let Some(element) = self.elements.last().cloned()
            && self.below(3) > 0
        {
            return match self.below(3) {
                0 => element,
                _ => format!("{element}.{}", self.pick(&["a", "n", "s"])),
            };
        }
        format!("p.{}", self.pick(ANY_FIELDS))
    }

    fn text(&mut self) -> String {
        format!("\"{}\"", self.pick(TEXTS))
    }

    fn constant(&mut self) -> String {
        match self.below(5) {
            0 | 1 => self.pick(NUMBERS).into(),
            2 => self.pick(&["true", "false"]).into(),
            _ => self.text(),
        }
    }

    pub fn resource(&mut self) -> Option<&'static str> {
        match self.below(3) {
            0 => None,
            _ => Some(self.pick(&["a", "vip", "2"])),
        }
    }

    pub fn payload(&mut self) -> String {
        let mut fields = Vec::new();
        for name in ["a", "b", "n", "s", "xs", "ys", "o", "a"] {
            // Sometimes a key comes twice.
            if self.below(8) == 0 || (name == "a" && !fields.is_empty() && self.below(10) > 0) {
                continue;
            }
            let value = match name {
                "xs" | "ys" => self.list(2),
                "o" => self.record(2),
                _ => self.value(1),
            };
            fields.push(format!("\"{name}\":{value}"));
        }
        if self.typed {
            for (name, values) in [
                ("tags", &["[]", "[\"a\"]", "[\"vip\",\"b\"]", "null", "\"a\""][..]),
                ("at", &["\"2026-02-28T23:59:59Z\"", "\"2026-03-01T01:00:00+01:00\"", "\"now\"", "7"]),
                ("took", &["\"PT90M\"", "\"PT2H\"", "\"soon\""]),
                ("amount", &["1", "0.50", "19.90", "1e40", "\"1\""]),
                ("count", &["0", "1", "2", "2.0", "2.5"]),
                ("name", &["\"vip\"", "\"\"", "7"]),
                ("flag", &["true", "false", "null", "\"true\""]),
            ] {
                if self.below(5) > 0 {
                    fields.push(format!("\"{name}\":{}", self.pick(values)));
                }
            }
        }
        format!("{{{}}}", fields.join(","))
    }

    fn value(&mut self, depth: usize) -> String {
        match self.below(12) {
            0..=3 => format!("\"{}\"", self.pick(TEXTS)),
            4..=6 => self.pick(NUMBERS).into(),
            7 => self.pick(&["true", "false"]).into(),
            8 => "null".into(),
            9 if depth > 0 => self.list(depth - 1),
            10 if depth > 0 => self.record(depth - 1),
            _ => self.pick(ODD).into(),
        }
    }

    fn list(&mut self, depth: usize) -> String {
        if self.below(10) == 0 {
            return self.value(0);
        }
        // Some lists are long enough to be looked up by hash.
        let count = if self.below(6) == 0 { 12 } else { self.below(4) };
        let elements: Vec<String> = (0..count)
            .map(|_| if self.below(2) == 0 { self.record(depth) } else { self.value(depth) })
            .collect();
        format!("[{}]", elements.join(","))
    }

    fn record(&mut self, depth: usize) -> String {
        let mut fields = Vec::new();
        for name in ["a", "n", "s", "k"] {
            if self.below(4) > 0 {
                fields.push(format!("\"{name}\":{}", self.value(0)));
            }
        }
        if depth > 0 && self.below(2) == 0 {
            fields.push(format!("\"ys\":{}", self.list(depth - 1)));
        }
        format!("{{{}}}", fields.join(","))
    }
}
