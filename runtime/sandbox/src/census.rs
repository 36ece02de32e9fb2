//! Counts the parts of a stranger's component before anything more expensive looks at it.
//!
//! One pass over the bytes, without recursion and without building anything. What compilation could
//! not handle (large functions, many locals, deep nesting, long jump tables, many types) is refused
//! here, with its number.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the parser's enums, not ours: they are large, and what is meant is all the rest"
)]

use crate::{
    class::Class,
    error::{Counted, Refusal},
    limits::SandboxLimits,
};
use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentOuterAliasKind, ComponentType,
    ComponentTypeRef, CoreType, FunctionBody, Instance, Operator, Parser, Payload,
};

/// What an instance of a component will need, as far as the outermost component shows it.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    modules: Vec<ModuleNeeds>,
    instances: Vec<u32>,
    /// Modules or instances come from nested components, or through aliases: they cannot be added
    /// up here.
    indirect: bool,
}

#[derive(Debug, Default, Clone, Copy)]
struct ModuleNeeds {
    memories: u32,
    memory_bytes: u64,
    tables: u32,
    table_elements: u64,
}

impl Needs {
    /// Why the component does not fit into a small guest's slot; `None` if it fits.
    pub(crate) fn beyond_small(&self, limits: &SandboxLimits) -> Option<String> {
        let class = Class::Small;
        if self.indirect {
            return Some("nested components".to_owned());
        }
        let mut sum = ModuleNeeds::default();
        for module in &self.instances {
            let Some(needs) = self.modules.get(*module as usize) else {
                return Some("a module that it does not hold".to_owned());
            };
            sum.memories += needs.memories;
            sum.tables += needs.tables;
            sum.memory_bytes = sum.memory_bytes.max(needs.memory_bytes);
            sum.table_elements = sum.table_elements.max(needs.table_elements);
        }
        let bounds = [
            (
                "core instances",
                self.instances.len() as u64,
                u64::from(class.core_instances(limits)),
            ),
            (
                "memories",
                u64::from(sum.memories),
                u64::from(class.memories()),
            ),
            ("tables", u64::from(sum.tables), u64::from(class.tables())),
            (
                "bytes of memory",
                sum.memory_bytes,
                class.memory_bytes(limits) as u64,
            ),
            (
                "elements of a table",
                sum.table_elements,
                class.table_elements(limits) as u64,
            ),
        ];
        bounds
            .into_iter()
            .find(|(_, found, limit)| found > limit)
            .map(|(what, found, limit)| format!("{found} {what} (small guests get {limit})"))
    }
}

/// Counts, and refuses what exceeds a limit.
pub(crate) fn count(component: &[u8], limits: &SandboxLimits) -> Result<Needs, Refusal> {
    let mut census = Census {
        limits,
        functions: 0,
        types: 0,
        items: 0,
        depth: 0,
        needs: Needs::default(),
    };
    for payload in Parser::new(0).parse_all(component) {
        census.payload(&payload.map_err(invalid)?)?;
    }
    Ok(census.needs)
}

pub(crate) fn invalid(error: wasmparser::BinaryReaderError) -> Refusal {
    Refusal::Invalid {
        reason: error.message().to_owned(),
        offset: error.offset(),
    }
}

struct Census<'a> {
    limits: &'a SandboxLimits,
    functions: u64,
    types: u64,
    items: u64,
    /// Nesting depth of components and modules at the parser's position, not counting the
    /// outermost.
    depth: u32,
    needs: Needs,
}

impl Census<'_> {
    fn payload(&mut self, payload: &Payload<'_>) -> Result<(), Refusal> {
        match payload {
            Payload::ModuleSection { .. } => {
                if self.depth == 0 {
                    self.needs.modules.push(ModuleNeeds::default());
                }
                self.enter()?;
            }
            Payload::ComponentSection { .. } => {
                self.needs.indirect = true;
                self.enter()?;
            }
            Payload::End(_) => self.depth = self.depth.saturating_sub(1),
            Payload::CodeSectionEntry(body) => self.function(body)?,
            Payload::FunctionSection(functions) => {
                self.functions += u64::from(functions.count());
                bounded(Counted::Functions, self.functions, self.limits.functions)?;
            }
            Payload::MemorySection(memories) => {
                for memory in memories.clone() {
                    let bytes = memory.map_err(invalid)?.initial.saturating_mul(65_536);
                    self.module(|needs| {
                        needs.memories += 1;
                        needs.memory_bytes = needs.memory_bytes.max(bytes);
                    });
                }
                self.items(memories.count())?;
            }
            Payload::TableSection(tables) => {
                for table in tables.clone() {
                    let elements = table.map_err(invalid)?.ty.initial;
                    self.module(|needs| {
                        needs.tables += 1;
                        needs.table_elements = needs.table_elements.max(elements);
                    });
                }
                self.items(tables.count())?;
            }
            Payload::TypeSection(types) => self.types(types.count() as usize)?,
            Payload::CoreTypeSection(types) => self.core_types(types)?,
            Payload::ComponentTypeSection(types) => self.component_types(types)?,
            Payload::InstanceSection(instances) => self.core_instances(instances)?,
            Payload::ComponentAliasSection(aliases) => self.aliases(aliases)?,
            Payload::ComponentImportSection(imports) => {
                for import in imports.clone() {
                    if matches!(import.map_err(invalid)?.ty, ComponentTypeRef::Module(_)) {
                        self.needs.indirect = true;
                    }
                }
                self.items(imports.count())?;
            }
            Payload::ImportSection(section) => self.items(section.count())?,
            Payload::TagSection(section) => self.items(section.count())?,
            Payload::GlobalSection(section) => self.items(section.count())?,
            Payload::ExportSection(section) => self.items(section.count())?,
            Payload::ElementSection(section) => self.items(section.count())?,
            Payload::DataSection(section) => self.items(section.count())?,
            Payload::ComponentInstanceSection(section) => self.items(section.count())?,
            Payload::ComponentCanonicalSection(section) => self.items(section.count())?,
            Payload::ComponentExportSection(section) => self.items(section.count())?,
            // The enum is the parser's. The rest are sections without counts, and those that
            // validation refuses.
            _ => {}
        }
        Ok(())
    }

    fn enter(&mut self) -> Result<(), Refusal> {
        self.depth += 1;
        bounded(
            Counted::Depth,
            u64::from(self.depth),
            self.limits.component_depth,
        )
    }

    /// Notes the needs of a module that is directly in the outermost component.
    fn module(&mut self, note: impl FnOnce(&mut ModuleNeeds)) {
        if self.depth == 1
            && let Some(needs) = self.needs.modules.last_mut()
        {
            note(needs);
        }
    }

    fn items(&mut self, count: u32) -> Result<(), Refusal> {
        self.items += u64::from(count);
        bounded(Counted::Items, self.items, self.limits.items)
    }

    fn types(&mut self, count: usize) -> Result<(), Refusal> {
        self.types += count as u64;
        bounded(Counted::Types, self.types, self.limits.types)
    }

    fn core_types(&mut self, types: &wasmparser::CoreTypeSectionReader<'_>) -> Result<(), Refusal> {
        for ty in types.clone() {
            self.types(match ty.map_err(invalid)? {
                CoreType::Rec(group) => group.types().len(),
                CoreType::Module(declarations) => declarations.len() + 1,
            })?;
        }
        Ok(())
    }

    fn component_types(
        &mut self,
        types: &wasmparser::ComponentTypeSectionReader<'_>,
    ) -> Result<(), Refusal> {
        for ty in types.clone() {
            self.types(match ty.map_err(invalid)? {
                ComponentType::Component(declarations) => declarations.len() + 1,
                ComponentType::Instance(declarations) => declarations.len() + 1,
                ComponentType::Defined(_)
                | ComponentType::Func(_)
                | ComponentType::Resource { .. } => 1,
            })?;
        }
        Ok(())
    }

    fn core_instances(
        &mut self,
        instances: &wasmparser::InstanceSectionReader<'_>,
    ) -> Result<(), Refusal> {
        for instance in instances.clone() {
            match instance.map_err(invalid)? {
                Instance::Instantiate { module_index, .. } => {
                    self.items(1)?;
                    if self.depth == 0 {
                        self.needs.instances.push(module_index);
                    }
                }
                Instance::FromExports(exports) => {
                    self.items(u32::try_from(exports.len()).unwrap_or(u32::MAX))?;
                }
            }
        }
        Ok(())
    }

    fn aliases(
        &mut self,
        aliases: &wasmparser::SectionLimited<'_, ComponentAlias<'_>>,
    ) -> Result<(), Refusal> {
        for alias in aliases.clone() {
            match alias.map_err(invalid)? {
                ComponentAlias::InstanceExport {
                    kind: ComponentExternalKind::Module,
                    ..
                }
                | ComponentAlias::Outer {
                    kind: ComponentOuterAliasKind::CoreModule,
                    ..
                } => self.needs.indirect = true,
                ComponentAlias::InstanceExport { .. }
                | ComponentAlias::CoreInstanceExport { .. }
                | ComponentAlias::Outer { .. } => {}
            }
        }
        self.items(aliases.count())
    }

    fn function(&self, body: &FunctionBody<'_>) -> Result<(), Refusal> {
        let limits = self.limits;
        bounded(
            Counted::FunctionBodyBytes,
            body.range().len() as u64,
            u32::try_from(limits.function_body_bytes).unwrap_or(u32::MAX),
        )?;
        let mut locals = 0_u64;
        for group in body.get_locals_reader().map_err(invalid)? {
            locals += u64::from(group.map_err(invalid)?.0);
            bounded(Counted::Locals, locals, limits.locals)?;
        }
        let mut depth = 0_u64;
        let mut operators = body.get_operators_reader().map_err(invalid)?;
        while !operators.eof() {
            match operators.read().map_err(invalid)? {
                Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                    depth += 1;
                    bounded(Counted::Nesting, depth, limits.nesting)?;
                }
                Operator::End => depth = depth.saturating_sub(1),
                Operator::BrTable { targets } => {
                    bounded(
                        Counted::BranchTargets,
                        u64::from(targets.len()),
                        limits.br_table,
                    )?;
                }
                // The enum is the parser's; no other instruction nests or has a table.
                _ => {}
            }
        }
        Ok(())
    }
}

fn bounded(counted: Counted, found: u64, limit: u32) -> Result<(), Refusal> {
    if found > u64::from(limit) {
        return Err(Refusal::TooMany {
            counted,
            found,
            limit: u64::from(limit),
        });
    }
    Ok(())
}
