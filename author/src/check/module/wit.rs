//! Types of WIT spelled out, so that those of two files can be compared and shown.

use wit_parser::{Function, Resolve, Type, TypeDefKind, TypeId};

/// A function: names of parameters and types all the way down.
pub(super) fn function(resolve: &Resolve, function: &Function) -> String {
    let spelled = |(name, ty): (&str, &Type)| format!("{name}: {}", spell(resolve, ty));
    let parameters: Vec<String> = function.params.iter().map(|param| spelled((&param.name, &param.ty))).collect();
    let result = function.result.as_ref().map(|ty| format!(" -> {}", spell(resolve, ty))).unwrap_or_default();
    let kind = if function.kind.is_async() { "async func" } else { "func" };
    format!("{kind}({}){result}", parameters.join(", "))
}

/// A named type.
pub(super) fn type_of(resolve: &Resolve, id: TypeId) -> String {
    spell(resolve, &Type::Id(id))
}

fn spell(resolve: &Resolve, ty: &Type) -> String {
    let Type::Id(id) = ty else {
        return format!("{ty:?}").to_lowercase();
    };
    let maybe = |ty: &Option<Type>| ty.as_ref().map_or("_".to_owned(), |ty| spell(resolve, ty));
    match &resolve.types[*id].kind {
        TypeDefKind::Type(ty) => spell(resolve, ty),
        TypeDefKind::Record(record) => {
            let fields = record.fields.iter().map(|field| format!("{}: {}", field.name, spell(resolve, &field.ty)));
            format!("record {{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        TypeDefKind::Variant(variant) => {
            let case = |name: &str, ty: &Option<Type>| match ty {
                Some(ty) => format!("{name}({})", spell(resolve, ty)),
                None => name.to_owned(),
            };
            let cases = variant.cases.iter().map(|one| case(&one.name, &one.ty));
            format!("variant {{ {} }}", cases.collect::<Vec<_>>().join(", "))
        }
        TypeDefKind::Enum(choice) => {
            let cases = choice.cases.iter().map(|case| case.name.clone());
            format!("enum {{ {} }}", cases.collect::<Vec<_>>().join(", "))
        }
        TypeDefKind::Tuple(tuple) => {
            let types = tuple.types.iter().map(|ty| spell(resolve, ty));
            format!("tuple<{}>", types.collect::<Vec<_>>().join(", "))
        }
        TypeDefKind::List(ty) => format!("list<{}>", spell(resolve, ty)),
        TypeDefKind::Option(ty) => format!("option<{}>", spell(resolve, ty)),
        TypeDefKind::Result(result) => format!("result<{}, {}>", maybe(&result.ok), maybe(&result.err)),
        // Nothing of the contract is of another kind, and two of those are never alike.
        other => other.as_str().to_owned(),
    }
}
