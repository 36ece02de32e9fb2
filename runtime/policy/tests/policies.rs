//! Policy files: what they mean, what is wrong with them, and how rules judge definitions.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bureaucrat_model::{
    ActivityPath, Condition, Fields, Guest, Join, Millis, ModuleHash, Op, OpIndex, Operand,
    Program, Site, Span, Unhandled, Way,
};
use bureaucrat_policy::{
    ModuleClass, ModuleFacts, Modules, Permission, Policy, Profile, Quota, Rule, Rules, Standing,
};

fn problems(text: &str) -> Vec<String> {
    let error = Policy::parse(text).unwrap_err();
    error.0.iter().map(ToString::to_string).collect()
}

#[test]
fn users_have_their_own_rules_or_those_of_the_best_pattern_or_the_default() {
    let policy = Policy::parse(
        r#"
        [default]
        participants = ["public.*"]
        [default.quotas]
        live_processes = 7
        [anonymous]
        launches = false
        [users.alice]
        participants = ["billing", "mail.*"]
        calls = true
        modules = "any"
        module_class = "runtime"
        on_fault = "incident"
        [users.alice.quotas]
        live_processes = "unlimited"
        [users."team-*"]
        awaits = ["team"]
        [users."team-a*"]
        awaits = ["team-a"]
        "#,
    )
    .unwrap();
    let alice = policy.of(Some("alice"));
    assert!(alice.participants.matches("mail.out") && !alice.participants.matches("public.x"));
    assert_eq!(alice.modules, Modules::Any);
    assert_eq!(alice.module_class, ModuleClass::Runtime);
    assert_eq!(alice.calls, Permission::Allowed);
    assert_eq!(alice.on_fault, Some(Unhandled::Waits));
    assert_eq!(alice.quotas.get(Quota::LiveProcesses), u64::MAX);
    assert_eq!(alice.section, "users.alice");
    let bob = policy.of(Some("bob"));
    assert!(bob.participants.matches("public.x"));
    assert_eq!(bob.quotas.get(Quota::LiveProcesses), 7);
    assert_eq!(
        bob.quotas.get(Quota::Activities),
        Quota::Activities.default()
    );
    assert_eq!(bob.on_fault, None);
    assert_eq!(policy.of(None).launches, Permission::Refused);
    assert_eq!(policy.of(None).quotas.get(Quota::LiveProcesses), 7);
    assert!(policy.of(Some("team-b")).awaits.matches("team"));
    assert!(policy.of(Some("team-ab")).awaits.matches("team-a"));
    assert_eq!(policy.of(Some("team-ab")).section, r#"users."team-a*""#);
}

#[test]
fn what_no_section_gives_is_refused_and_without_a_file_all_is_allowed() {
    let empty = Policy::parse("").unwrap();
    let rules = empty.of(Some("anybody"));
    assert!(!rules.participants.matches("p") && !rules.answers.matches("p"));
    assert_eq!(rules.calls, Permission::Refused);
    let open = Policy::open();
    assert!(open.of(None).participants.is_all());
    assert_eq!(
        open.of(Some("anybody")).quotas.get(Quota::LiveProcesses),
        u64::MAX
    );
}

#[test]
fn every_problem_is_told_with_its_place() {
    assert_eq!(
        problems(
            "[default]\nparticipant = []\ncalls = 1\nanswers = [\"a\", 2, \"\"]\nmodules = \"some\"\n\
             module_class = \"big\"\nawaits = \"x\"\n[default.quotas]\nlive = 1\nfuel = -1\ndepth = 1.5\n\
             [users.x]\nmodules = [\"sha256:0\", \"\"]\nmodule_signers = [\"ed25519:AAAA\"]\non_fault = \"stop\"\n[groups]\n"
        ),
        [
            "2:1: unknown key `participant`; expected one of launches, participants, awaits, publishes, answers, \
             reply_to, modules, module_class, module_signers, calls, definitions, deploys, sends, cancels, on_fault, quotas",
            "3:9: expected true or false",
            "4:17: expected a text",
            "4:20: a name or pattern may not be empty",
            "5:11: expected \"any\", \"none\" or a list of names and hashes",
            "6:16: expected \"small\" or \"runtime\"",
            "7:10: expected a list of texts, such as [\"a\", \"b.*\"]",
            "9:1: unknown quota `live`; expected one of definition_bytes, activities, depth, branches, conditions, \
             timers, delay_seconds, fields_bytes, process_bytes, call_depth, live_processes, stored_bytes, \
             launches_per_minute, waiting_launches, outbox_rows, deployed_names, deployed_versions, deployed_bytes, kept_events, kept_bytes, fuel, \
             memory_bytes, table_elements, host_calls, host_bytes, stored_modules, stored_module_bytes, module_names, module_bytes, compile_memory_bytes, compile_seconds",
            "10:8: `fuel` must be a whole number from 0, or \"unlimited\"",
            "11:9: `depth` must be a whole number from 0, or \"unlimited\"",
            "13:12: `sha256:0` is not a hash (`sha256:` and 64 lower-case hexadecimal digits)",
            "13:24: a name or pattern may not be empty",
            "14:19: a key is `ed25519:` and 32 bytes in base64, as `bureaucrat module sign` prints it",
            "15:12: expected \"fail\" or \"incident\"",
            "16:2: unknown section `groups`; expected one of default, anonymous, users",
        ]
    );
    assert!(problems("[default\n")[0].starts_with("1:9: "));
    assert_eq!(problems("users = 1")[0], "1:9: `users` must be a table");
    assert!(problems("[users.a]\n[users.a]\n")[0].starts_with("2:8: "));
    assert_eq!(problems(&"#".repeat(2 << 20)).len(), 1);
}

#[test]
fn modules_are_allowed_by_hash_by_name_and_by_signature() {
    let key = format!("ed25519:{}=", "A".repeat(43));
    let policy = Policy::parse(&format!(
        "[default]\nmodules = [\"sha256:{}\", \"own.*\"]\n[users.signed]\nmodules = \"any\"\n\
         module_signers = [\"{key}\"]\n",
        "ab".repeat(32)
    ))
    .unwrap();
    let rules_broken = |user: &str, hash: [u8; 32], standing: &Standing| {
        let rules = policy.of(Some(user));
        let broken = rules.check_module(ModuleHash(hash), ModuleClass::Small, standing);
        broken.iter().map(|broken| broken.rule).collect::<Vec<_>>()
    };
    let unknown = Standing::default();
    assert_eq!(rules_broken("x", [0xab; 32], &unknown), []);
    assert_eq!(rules_broken("x", [0xcd; 32], &unknown), [Rule::Modules]);
    let named = |name: &str| Standing {
        names: vec!["other".parse().unwrap(), name.parse().unwrap()],
        signers: Vec::new(),
    };
    assert_eq!(rules_broken("x", [0xcd; 32], &named("own.risk")), []);
    assert_eq!(
        rules_broken("x", [0xcd; 32], &named("owns")),
        [Rule::Modules]
    );
    assert_eq!(
        rules_broken("signed", [1; 32], &unknown),
        [Rule::ModuleSigners]
    );
    let signed = |key: &str| Standing {
        names: Vec::new(),
        signers: vec![key.parse().unwrap()],
    };
    let other = format!("ed25519:{}E=", "B".repeat(42));
    assert_eq!(rules_broken("signed", [1; 32], &signed(&key)), []);
    assert_eq!(
        rules_broken("signed", [1; 32], &signed(&other)),
        [Rule::ModuleSigners]
    );
}

fn site(line: u32, path: &[u32]) -> Site {
    Site::new(ActivityPath(path.to_vec()), Span { line, column: 3 })
}

fn program() -> Program {
    Program {
        name: String::new(),
        context: Fields::parse(r#"{"x": "0123456789"}"#).unwrap(),
        ops: vec![
            Op::Fork {
                branches: vec![OpIndex(1), OpIndex(3), OpIndex(5)],
                join: Join::All,
                next: OpIndex(7),
            },
            Op::action("billing", OpIndex(1)),
            Op::EndBranch,
            Op::delay(Millis(2_500)),
            Op::EndBranch,
            Op::wait_for("paid", Default::default(), OpIndex(6)),
            Op::EndBranch,
            Op::call("inner"),
            Op::Complete,
        ],
        sites: vec![
            site(2, &[0]),
            site(3, &[0, 0]),
            site(2, &[0]),
            site(4, &[0, 1]),
            site(2, &[0]),
            site(5, &[0, 2]),
            site(2, &[0]),
            site(6, &[1]),
            site(1, &[]),
        ],
        conditions: vec![Condition {
            guest: Guest::Module(ModuleHash([7; 32])),
            function: "evaluate".into(),
            text: String::new(),
            span: Span { line: 5, column: 9 },
            selects: Vec::new(),
            reads: bureaucrat_model::Reads::Fields,
        }],
        inline_guest: Vec::new(),
        conduct: bureaucrat_model::Conduct::default(),
    }
}

fn broken(rules: &Rules, class: ModuleClass) -> Vec<(Rule, String)> {
    let profile = Profile::of(&program(), |_| ModuleFacts { class, bytes: 7 });
    let found = rules.check(&profile, |_| Standing::default()).into_iter();
    found
        .map(|violation| (violation.rule, violation.what))
        .collect()
}

#[test]
fn each_rule_finds_what_breaks_it_alone() {
    assert_eq!(broken(&Rules::open(), ModuleClass::Runtime), []);
    let hash = ModuleHash([7; 32]);
    let cases: [(&str, Rule, &str); 12] = [
        (
            "participants = [\"mail\"]",
            Rule::Participants,
            "3:3: tasks for participant `billing` are not allowed",
        ),
        (
            "awaits = [\"pai\"]",
            Rule::Awaits,
            "5:3: awaiting the event `paid` is not allowed",
        ),
        ("calls = false", Rule::Calls, "6:3: calls are not allowed"),
        (
            "modules = \"none\"",
            Rule::Modules,
            &format!("5:9: the module {hash} is not allowed, by its hash or by a name"),
        ),
        (
            "module_class = \"small\"",
            Rule::ModuleClass,
            "5:9: modules with a language runtime inside are not allowed",
        ),
        (
            "quotas.activities = 4",
            Rule::Quota(Quota::Activities),
            "1:1: the definition has 5 activities, at most 4 are allowed",
        ),
        (
            "quotas.depth = 1",
            Rule::Quota(Quota::Depth),
            "3:3: activities nest 2 levels deep, at most 1 are allowed",
        ),
        (
            "quotas.branches = 2",
            Rule::Quota(Quota::Branches),
            "2:3: the `all` has 3 branches, at most 2 are allowed",
        ),
        (
            "quotas.conditions = 0",
            Rule::Quota(Quota::Conditions),
            "1:1: the definition has 1 conditions, at most 0 are allowed",
        ),
        (
            "quotas.timers = 0",
            Rule::Quota(Quota::Timers),
            "1:1: the definition has 1 delays, at most 0 are allowed",
        ),
        (
            "quotas.delay_seconds = 2",
            Rule::Quota(Quota::DelaySeconds),
            "4:3: the delay takes 3 seconds, at most 2 are allowed",
        ),
        (
            "quotas.fields_bytes = 10",
            Rule::Quota(Quota::FieldsBytes),
            "1:1: the context has 19 bytes, at most 10 are allowed",
        ),
    ];
    let open = r#"
        participants = ["*"]
        awaits = ["*"]
        calls = true
        modules = "any"
        module_class = "runtime"
    "#;
    for (line, rule, what) in cases {
        let name = line.split([' ', '=']).next().unwrap();
        let kept = open.lines().filter(|line| !line.trim().starts_with(name));
        let text = format!("[default]\n{}\n{line}", kept.collect::<Vec<_>>().join("\n"));
        let policy = Policy::parse(&text).unwrap();
        assert_eq!(
            broken(policy.of(None), ModuleClass::Runtime),
            [(rule, what.to_owned())],
            "{text}"
        );
    }
}

#[test]
fn a_violation_names_its_rule_and_section() {
    let policy = Policy::parse("[users.x]\nparticipants = [\"*\"]").unwrap();
    let profile = Profile::of(&program(), |_| ModuleFacts {
        class: ModuleClass::Small,
        bytes: 7,
    });
    let found = policy
        .of(Some("x"))
        .check(&profile, |_| Standing::default());
    assert_eq!(
        found[0].to_string(),
        "5:3: awaiting the event `paid` is not allowed (rule `awaits` of the policy's [users.x])"
    );
    assert_eq!(found[0].rule.code(), "policy.awaits");
    assert_eq!(Rule::Quota(Quota::Fuel).to_string(), "quotas.fuel");
}

#[test]
fn the_template_of_the_documentation_is_a_policy() {
    let policy = Policy::parse(include_str!("../../../docs/policy.toml")).unwrap();
    assert_eq!(policy.of(None).launches, Permission::Refused);
    assert!(!policy.of(Some("a stranger")).participants.is_all());
    for quota in Quota::ALL {
        // The template spells out the defaults.
        assert_eq!(
            policy.of(Some("a stranger")).quotas.get(*quota),
            quota.default()
        );
    }
}

#[test]
fn tasks_go_where_messages_may_and_to_the_queues_of_allowed_participants() {
    let text =
        "[users.alice]\nparticipants = [\"mail.*\"]\nsends = [\"jobs/fast.*\", \"/spool\"]\n";
    let policy = Policy::parse(text).unwrap();
    let rules = policy.of(Some("alice"));
    for (exchange, key, is_allowed) in [
        ("", Some("worker_mail.out"), true),
        ("", Some("worker_billing"), false),
        ("", Some("spool"), true),
        ("", Some("other"), false),
        // Computed: judged when it is used.
        ("", None, true),
        ("jobs", Some("fast.1"), true),
        ("jobs", Some("slow"), false),
        ("jobs", None, true),
        ("other", Some("worker_mail.out"), false),
        ("other", None, false),
    ] {
        let found = rules.task_refused(exchange, key);
        assert_eq!(found.is_none(), is_allowed, "{exchange} {key:?} {found:?}");
    }
    assert_eq!(Rules::open().task_refused("any", Some("key")), None);

    let mut op = Op::action("mail.out", OpIndex(0));
    if let Op::Action { way, .. } = &mut op {
        *way = Some(Box::new(Way {
            queue: Some(Operand::Fixed("worker_billing".into())),
            ..Way::default()
        }));
    }
    let program = Program {
        ops: vec![op],
        conditions: Vec::new(),
        sites: vec![Site::new(
            ActivityPath(vec![0]),
            Span { line: 3, column: 5 },
        )],
        ..program()
    };
    let profile = Profile::of(&program, |_| unreachable!());
    let found = rules.check(&profile, |_| Standing::default());
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        found[0].to_string(),
        "3:5: sending tasks to the queue `worker_billing` is not allowed (rule `sends` of the policy's [users.alice])"
    );
}
