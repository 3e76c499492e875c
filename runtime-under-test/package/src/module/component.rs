//! The imports and exports of a `component` against the world.
//!
//! Types are compared by what they are, spelled out in WIT's own notation: names of types do not matter, names of fields,
//! cases and parameters do. A type can share its parts and so be spelled out to exponential length; the text is cut off
//! where it is longer than any of the world's.

use std::fmt::{self, Write};

use wasmparser::{
    component_types::{
        ComponentAnyTypeId, ComponentDefinedType, ComponentEntityType, ComponentFuncTypeId, ComponentValType,
    },
    types::TypesRef,
};

use super::{ModuleFacts, Optional, world};

/// Notes the imports of these names and the exports, if this is a component.
pub(super) fn note(types: TypesRef<'_>, imports: &[&str], facts: &mut ModuleFacts) {
    for name in imports {
        let Some(item) = types.component_item_for_import(name) else {
            continue;
        };
        let right = if let Some((_, ty)) = world::USED_TYPES.iter().find(|(used, _)| used == name) {
            spelled(types, &item.ty).as_deref() == Some(ty)
        } else if let Some((interface, known)) = world::INTERFACES.iter().find(|(interface, _)| interface == name) {
            facts.interfaces.insert(interface);
            has_only(types, &item.ty, known)
        } else {
            facts.foreign_import.get_or_insert_with(|| (*name).to_owned());
            continue;
        };
        if !right {
            facts.wrong_import.get_or_insert_with(|| (*name).to_owned());
        }
    }
    let (handle, ty) = world::HANDLE;
    if let Some(item) = types.component_item_for_export(handle)
        && let ComponentEntityType::Func(_) = item.ty
    {
        facts.exports.push((handle, spelled(types, &item.ty).as_deref() == Some(ty)));
    }
    let (migrate, ty) = world::MIGRATE;
    if let Some(item) = types.component_item_for_export(migrate) {
        let function = matches!(item.ty, ComponentEntityType::Func(_));
        let right = spelled(types, &item.ty).as_deref() == Some(ty);
        facts.migration.push(Optional { name: migrate, function, right });
    }
}

/// Whether this is an instance of nothing but known functions and types.
fn has_only(types: TypesRef<'_>, ty: &ComponentEntityType, known: &[(&str, &str)]) -> bool {
    let ComponentEntityType::Instance(id) = ty else {
        return false;
    };
    types[*id].exports.iter().all(|(name, item)| {
        let is = spelled(types, &item.ty);
        known.iter().any(|(known, ty)| known == name && is.as_deref() == Some(*ty))
    })
}

/// A function or a type in WIT's notation, unless it is longer than anything in the world.
fn spelled(types: TypesRef<'_>, ty: &ComponentEntityType) -> Option<String> {
    let mut speller = Speller { types, text: String::new() };
    match ty {
        ComponentEntityType::Func(id) => speller.function(*id),
        ComponentEntityType::Type { referenced: ComponentAnyTypeId::Defined(id), .. } => {
            speller.push("type ").and_then(|()| speller.value(ComponentValType::Type(*id)))
        }
        _ => Err(fmt::Error),
    }
    .ok()?;
    Some(speller.text)
}

/// Writes types down. Every nested type writes something before what is inside it, so that the bound on the text bounds
/// the depth and the time as well.
struct Speller<'a> {
    types: TypesRef<'a>,
    text: String,
}

impl Speller<'_> {
    /// Longer than any type of the world.
    const MOST_BYTES: usize = 1024;

    fn function(&mut self, id: ComponentFuncTypeId) -> fmt::Result {
        let function = self.types.get(id).ok_or(fmt::Error)?;
        self.push(if function.async_ { "async func(" } else { "func(" })?;
        self.separated(function.params.iter(), |speller, (name, ty)| {
            write!(speller, "{name}: ")?;
            speller.value(*ty)
        })?;
        self.push(")")?;
        match function.result {
            Some(ty) => self.push(" -> ").and_then(|()| self.value(ty)),
            None => Ok(()),
        }
    }

    fn value(&mut self, ty: ComponentValType) -> fmt::Result {
        match ty {
            ComponentValType::Primitive(primitive) => write!(self, "{primitive}"),
            ComponentValType::Type(id) => self.defined(self.types.get(id).ok_or(fmt::Error)?),
        }
    }

    fn defined(&mut self, ty: &ComponentDefinedType) -> fmt::Result {
        match ty {
            ComponentDefinedType::Primitive(primitive) => write!(self, "{primitive}"),
            ComponentDefinedType::Record(record) => {
                self.push("record{")?;
                self.separated(record.fields.iter(), |speller, (name, ty)| {
                    write!(speller, "{name}: ")?;
                    speller.value(*ty)
                })?;
                self.push("}")
            }
            ComponentDefinedType::Variant(variant) => {
                self.push("variant{")?;
                self.separated(variant.cases.iter(), |speller, (name, case)| {
                    speller.push(name)?;
                    let Some(ty) = case.ty else { return Ok(()) };
                    speller.push("(")?;
                    speller.value(ty)?;
                    speller.push(")")
                })?;
                self.push("}")
            }
            ComponentDefinedType::Enum(cases) => {
                self.push("enum{")?;
                self.separated(cases.iter(), |speller, name| speller.push(name))?;
                self.push("}")
            }
            ComponentDefinedType::Tuple(tuple) => {
                self.push("tuple<")?;
                self.separated(tuple.types.iter(), |speller, ty| speller.value(*ty))?;
                self.push(">")
            }
            ComponentDefinedType::List { element, .. } => self.wrapped("list<", *element),
            ComponentDefinedType::Option { ty, .. } => self.wrapped("option<", *ty),
            ComponentDefinedType::Result { ok, err, .. } => {
                self.push("result<")?;
                self.separated([ok, err].into_iter(), |speller, ty| match ty {
                    Some(ty) => speller.value(*ty),
                    None => speller.push("_"),
                })?;
                self.push(">")
            }
            // Nothing of the world is a resource, a map, a set of flags or asynchronous.
            _ => Err(fmt::Error),
        }
    }

    fn wrapped(&mut self, opening: &str, ty: ComponentValType) -> fmt::Result {
        self.push(opening)?;
        self.value(ty)?;
        self.push(">")
    }

    fn separated<T>(
        &mut self,
        items: impl Iterator<Item = T>,
        mut spell: impl FnMut(&mut Self, T) -> fmt::Result,
    ) -> fmt::Result {
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.push(", ")?;
            }
            spell(self, item)?;
        }
        Ok(())
    }

    fn push(&mut self, text: &str) -> fmt::Result {
        self.write_str(text)
    }
}

impl Write for Speller<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.text.len() + text.len() > Self::MOST_BYTES {
            return Err(fmt::Error);
        }
        self.text.push_str(text);
        Ok(())
    }
}
