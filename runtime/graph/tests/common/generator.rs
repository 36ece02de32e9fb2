//! Random definitions with each element of the language, and with texts by authors who mean no good.

use std::fmt::Write as _;

/// Names and titles.
const TEXTS: [&str; 22] = [
    "charge",
    "Ask the customer for another card, and wait until one is given",
    "shop.tasks.charge_the_card_of_a_customer_who_lives_in_another_country",
    "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww",
    "iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii",
    "Prüfung der Bestellung",
    "Проверка заказа покупателя, который живёт в другой стране",
    "έλεγχος της παραγγελίας",
    "顧客に別のカードを求め、届くまで待つ。期限を過ぎたら担当者に知らせる",
    "طلب بطاقة أخرى من العميل والانتظار",
    "בקש מהלקוח כרטיס אחר",
    "ขอบัตรอื่นจากลูกค้า",
    "कृपया दूसरा कार्ड दें",
    "👩‍👩‍👧‍👦👍🏽🎉🇦🇹 ship it",
    "z\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}algo",
    "\u{202e}desrever si siht\u{202c}",
    "\u{fdfd}\u{1242b}\u{2e3b}\u{12219}",
    "\u{85}\u{9b}31m\u{200b}\u{feff}\u{ad}",
    "</title></g></svg><script>alert(1)</script>",
    "\"' onload='alert(1)' x=\"",
    "]]> &amp; %%{init: {}}%% `x` \"]; end",
    "a",
];

const CONDITIONS: [&str; 6] = [
    "context[\"n\"] < 3",
    "context[\"route\"] == \"second\" and context[\"ratio\"] < 1 or not context[\"urgent\"]",
    "all(line[\"price\"] > 0 and line[\"count\"] in (1, 2, 3) for line in context[\"order\"][\"lines\"])",
    "\"</text><script>\" in context[\"漢字\"]",
    "context[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"]",
    "True",
];

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

struct Writer {
    dice: Dice,
    out: String,
    ids: usize,
    /// How many more activities there may be.
    left: usize,
    /// Whether a handler is around.
    handles: bool,
}

/// The same for each seed.
pub fn definition(seed: u64) -> String {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    dice.roll(2);
    let left = 3 + dice.roll(60);
    let mut writer = Writer {
        dice,
        out: String::new(),
        ids: 0,
        left,
        handles: false,
    };
    let name = writer.text();
    let _ = write!(writer.out, "<process name=\"{name}\">");
    writer.body(0, 0, Holds::NoCompensation);
    writer.out.push_str("</process>");
    writer.out
}

/// What a context may hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Everything,
    NoCompensation,
}

impl Writer {
    fn text(&mut self) -> String {
        let text = TEXTS[self.dice.roll(TEXTS.len())];
        // A brace would begin a template.
        escaped(&text.replace('{', "(").replace('}', ")"))
    }

    fn add(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// An attribute with a text, or none.
    fn maybe(&mut self, name: &str) {
        if self.dice.one_in(3) {
            let text = self.text();
            let _ = write!(self.out, " {name}=\"{text}\"");
        }
    }

    fn always(&mut self, name: &str) {
        let text = self.text();
        let _ = write!(self.out, " {name}=\"{text}\"");
    }

    fn span(&mut self, name: &str) {
        if self.dice.one_in(3) {
            let span = ["30s", "1.5", "P3D", "{context['span']}"][self.dice.roll(4)];
            let _ = write!(self.out, " {name}=\"{span}\"");
        }
    }

    fn label(&mut self) {
        if self.dice.one_in(4) {
            self.ids += 1;
            let long = [
                "",
                "-a-very-long-id-which-does-not-fit-into-the-head-of-a-box",
            ];
            let long = long[self.dice.roll(2)];
            let _ = write!(self.out, " id=\"id{}{long}\"", self.ids);
        }
        self.maybe("title");
    }

    fn conditions(&mut self, most: usize) {
        for _ in 0..self.dice.roll(most + 1) {
            let text = escaped(CONDITIONS[self.dice.roll(CONDITIONS.len())]);
            let _ = write!(self.out, "<condition>{text}</condition>");
        }
    }

    /// A context, and at least so many activities.
    fn body(&mut self, depth: usize, least: usize, holds: Holds) {
        if self.dice.one_in(4) && self.left > 3 && depth < 8 {
            self.context(depth, holds);
        }
        self.activities(depth, least);
    }

    fn activities(&mut self, depth: usize, least: usize) {
        let most = [1, 3, 3, 8][self.dice.roll(4)];
        let wanted = if depth == 0 {
            self.left
        } else {
            self.dice.roll(most + 1)
        };
        for done in 0..wanted.max(least) {
            if self.left == 0 && done >= least {
                return;
            }
            self.activity(depth + 1);
        }
    }

    fn context(&mut self, depth: usize, holds: Holds) {
        self.add("<context>");
        if self.dice.one_in(2) {
            self.add("<faults>");
            let handles = std::mem::replace(&mut self.handles, true);
            for _ in 0..self.dice.roll(3) {
                let codes = ["shop.*", "Timeout, Declined"][self.dice.roll(2)];
                let _ = write!(self.out, "<case code=\"{codes}\"");
                self.label();
                self.add(">");
                self.conditions(2);
                self.body(depth + 1, 0, Holds::Everything);
                self.add("</case>");
            }
            self.add("<default>");
            self.body(depth + 1, 0, Holds::Everything);
            self.add("</default></faults>");
            self.handles = handles;
        }
        if self.dice.one_in(2) {
            self.add("<finally>");
            self.body(depth + 1, 0, Holds::Everything);
            self.add("</finally>");
        }
        if holds == Holds::Everything && self.dice.one_in(3) {
            let handles = std::mem::replace(&mut self.handles, false);
            self.add("<compensate>");
            self.body(depth + 1, 0, Holds::Everything);
            self.add("</compensate>");
            self.handles = handles;
        }
        if self.dice.one_in(2) {
            self.add("<events>");
            for _ in 0..self.dice.roll(4) {
                self.event(depth, true);
            }
            self.add("</events>");
        }
        self.add("</context>");
    }

    fn event(&mut self, depth: usize, listens: bool) {
        let is_time = listens && self.dice.one_in(3);
        self.add(match is_time {
            true => "<after duration=\"2d\"",
            false => "<on",
        });
        if !is_time {
            self.always("event");
            self.maybe("key");
        }
        if listens && self.dice.one_in(3) {
            self.add(" interrupt=\"yes\"");
        }
        self.label();
        self.add(">");
        if !is_time {
            self.conditions(1);
        }
        self.body(depth + 1, 0, Holds::Everything);
        self.add(if is_time { "</after>" } else { "</on>" });
    }

    fn activity(&mut self, depth: usize) {
        self.left = self.left.saturating_sub(1);
        let is_leaf = depth > 8 || self.left == 0;
        match if is_leaf {
            self.dice.roll(8)
        } else {
            self.dice.roll(18)
        } {
            0 | 1 => self.action(),
            2 => self.leaf("<delay duration=\"90\"", "</delay>"),
            3 => self.awaits(),
            4 => self.leaf("<call process=\"shipping@3\"", "</call>"),
            5 => {
                self.leaf("<assign property=\"/order/total\"", "");
                let text = escaped(CONDITIONS[self.dice.roll(CONDITIONS.len())]);
                let _ = write!(self.out, "{text}</assign>");
            }
            6 if self.handles => self.leaf("<compensate", "</compensate>"),
            6 => self.leaf("<fault code=\"shop.Declined\"", "</fault>"),
            7 => {
                self.add("<emit");
                self.always("event");
                self.leaf("", "</emit>");
            }
            8 | 9 => self.within("<sequence", "</sequence>", depth, 0),
            10 => self.within("<all", "</all>", depth, 0),
            11 => self.within("<race", "</race>", depth, 0),
            12 => self.within(
                "<foreach select=\"order.lines\" property=\"line\" parallel=\"4\"",
                "</foreach>",
                depth,
                1,
            ),
            13 => {
                self.leaf("<while", "");
                self.conditions(3);
                self.body(depth, 1, Holds::Everything);
                self.add("</while>");
            }
            14 | 15 => self.switch(depth),
            _ => self.pick(depth),
        }
    }

    fn leaf(&mut self, start: &str, end: &str) {
        self.add(start);
        self.label();
        self.add(">");
        self.add(end);
    }

    fn within(&mut self, start: &str, end: &str, depth: usize, least: usize) {
        self.leaf(start, "");
        self.body(depth, least, Holds::Everything);
        self.add(end);
    }

    fn action(&mut self) {
        self.add("<action");
        self.always("participant");
        self.span("timeout");
        self.span("within");
        self.leaf("", "");
        if self.dice.one_in(4) {
            self.add("<retry attempts=\"5\" on=\"ActionError, shop.*\"/>");
        }
        self.add("</action>");
    }

    fn awaits(&mut self) {
        self.add("<await");
        self.always("event");
        self.maybe("key");
        self.span("timeout");
        self.leaf("", "");
        self.conditions(2);
        self.add("</await>");
    }

    fn switch(&mut self, depth: usize) {
        self.leaf("<switch", "");
        for _ in 0..self.dice.roll(5) {
            self.leaf("<case", "");
            self.conditions(2);
            self.body(depth + 1, 0, Holds::Everything);
            self.add("</case>");
        }
        if self.dice.one_in(2) {
            self.within("<default", "</default>", depth + 1, 0);
        }
        self.add("</switch>");
    }

    fn pick(&mut self, depth: usize) {
        self.leaf("<pick", "");
        for _ in 0..=self.dice.roll(3) {
            self.event(depth, false);
        }
        if self.dice.one_in(2) {
            self.within(
                "<after until=\"{context['due']}\"",
                "</after>",
                depth + 1,
                0,
            );
        }
        self.add("</pick>");
    }
}
