//! Whether a value is valid under a schema, by the words of 2020-12 and core.md 3.10, for the keywords that can be written
//! down in a few lines. Of a schema with any other it says nothing.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// Keywords that judge nothing.
const ANNOTATIONS: [&str; 16] = [
    "$defs",
    "$anchor",
    "$schema",
    "$comment",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "format",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "x-sensitive",
];

/// Whether a value is valid; nothing, if the schema has a keyword that is not known here.
pub fn valid(root: &Value, schema: &Value, value: &Value) -> Option<bool> {
    let members = match schema {
        Value::Bool(all) => return Some(*all),
        Value::Object(members) => members,
        _ => return None,
    };
    let mut all = true;
    for (keyword, stated) in members {
        // Every keyword is looked at, also below one that fails: an unknown one anywhere ends the judgement.
        all &= judge(root, members, keyword, stated, value)?;
    }
    Some(all)
}

type Members = serde_json::Map<String, Value>;

fn judge(root: &Value, schema: &Members, keyword: &str, stated: &Value, value: &Value) -> Option<bool> {
    let under = |schema: &Value| valid(root, schema, value);
    let each = |schemas: &Value| schemas.as_array()?.iter().map(under).collect::<Option<Vec<bool>>>();
    let length = |found: usize| Some((found as u64, stated.as_u64()?));
    Some(match keyword {
        _ if ANNOTATIONS.contains(&keyword) || keyword.starts_with("x-") => true,
        "type" => match stated {
            Value::Array(types) => types.iter().any(|ty| is_of(value, ty)),
            ty => is_of(value, ty),
        },
        "const" => equal(stated, value),
        "enum" => stated.as_array()?.iter().any(|item| equal(item, value)),
        "allOf" => each(stated)?.into_iter().all(|valid| valid),
        "anyOf" => each(stated)?.into_iter().any(|valid| valid),
        "oneOf" => each(stated)?.into_iter().filter(|valid| *valid).count() == 1,
        "not" => !under(stated)?,
        "if" => {
            let branch = if under(stated)? { "then" } else { "else" };
            schema.get(branch).map_or(Some(true), under)?
        }
        // Judged where `if` is.
        "then" | "else" => under(stated).map(|_| true)?,
        "$ref" => {
            let target = stated.as_str()?.strip_prefix('#')?;
            if !(target.is_empty() || target.starts_with("/$defs/")) || target.contains(['%', '~']) {
                return None;
            }
            under(root.pointer(target)?)?
        }
        "minLength" | "maxLength" | "pattern" => match value {
            Value::String(text) if keyword == "pattern" => matches(stated.as_str()?, text)?,
            Value::String(text) => bounded(keyword, length(text.chars().count())?),
            _ => true,
        },
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => match (value, stated) {
            (Value::Number(found), Value::Number(stated)) => match (keyword, order(found, stated)) {
                ("minimum", order) => order != Ordering::Less,
                ("maximum", order) => order != Ordering::Greater,
                ("exclusiveMinimum", order) => order == Ordering::Greater,
                (_, order) => order == Ordering::Less,
            },
            _ => true,
        },
        "minItems" | "maxItems" | "items" | "prefixItems" | "uniqueItems" | "contains" => match value {
            Value::Array(items) => of_items(root, schema, keyword, stated, items)?,
            _ => true,
        },
        "required"
        | "minProperties"
        | "maxProperties"
        | "properties"
        | "additionalProperties"
        | "propertyNames"
        | "patternProperties"
        | "dependentSchemas" => match value {
            Value::Object(members) => of_members(root, schema, keyword, stated, members, value)?,
            _ => true,
        },
        _ => return None,
    })
}

fn of_items(root: &Value, schema: &Members, keyword: &str, stated: &Value, items: &[Value]) -> Option<bool> {
    let first = schema.get("prefixItems").and_then(Value::as_array).map_or(0, Vec::len);
    Some(match keyword {
        "minItems" | "maxItems" => bounded(keyword, (items.len() as u64, stated.as_u64()?)),
        "items" => all(items.iter().skip(first).map(|item| valid(root, stated, item)))?,
        "prefixItems" => all(items.iter().zip(stated.as_array()?).map(|(item, schema)| valid(root, schema, item)))?,
        "contains" if schema.contains_key("minContains") || schema.contains_key("maxContains") => return None,
        "contains" => {
            let found = items.iter().map(|item| valid(root, stated, item)).collect::<Option<Vec<bool>>>()?;
            found.into_iter().any(|valid| valid)
        }
        _ => stated != true || !(1..items.len()).any(|end| items[..end].iter().any(|item| equal(item, &items[end]))),
    })
}

fn of_members(
    root: &Value,
    schema: &Members,
    keyword: &str,
    stated: &Value,
    members: &Members,
    value: &Value,
) -> Option<bool> {
    let named = |keyword: &str| schema.get(keyword).and_then(Value::as_object);
    Some(match keyword {
        "required" => stated.as_array()?.iter().filter_map(Value::as_str).all(|name| members.contains_key(name)),
        "minProperties" | "maxProperties" => bounded(keyword, (members.len() as u64, stated.as_u64()?)),
        "properties" => {
            let judged = stated.as_object()?.iter().filter_map(|(name, schema)| Some((schema, members.get(name)?)));
            all(judged.map(|(schema, member)| valid(root, schema, member)))?
        }
        "patternProperties" => {
            let mut right = true;
            for (pattern, schema) in stated.as_object()? {
                for (name, member) in members {
                    right &= !matches(pattern, name)? || valid(root, schema, member)?;
                }
            }
            right
        }
        "additionalProperties" => {
            let mut right = true;
            for (name, member) in members {
                let known = named("properties").is_some_and(|known| known.contains_key(name));
                let patterns = named("patternProperties").into_iter().flatten();
                let fits = patterns.map(|(pattern, _)| matches(pattern, name)).collect::<Option<Vec<bool>>>()?;
                right &= known || fits.contains(&true) || valid(root, stated, member)?;
            }
            right
        }
        "propertyNames" => all(members.keys().map(|name| valid(root, stated, &Value::String(name.clone()))))?,
        _ => {
            let judged = stated.as_object()?.iter().filter(|(name, _)| members.contains_key(*name));
            all(judged.map(|(_, schema)| valid(root, schema, value)))?
        }
    })
}

fn all(judged: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    judged.collect::<Option<Vec<bool>>>().map(|judged| judged.into_iter().all(|valid| valid))
}

fn bounded(keyword: &str, (found, bound): (u64, u64)) -> bool {
    if keyword.starts_with("min") { found >= bound } else { found <= bound }
}

fn is_of(value: &Value, ty: &Value) -> bool {
    match (ty.as_str().unwrap_or_default(), value) {
        ("null", Value::Null) | ("boolean", Value::Bool(_)) | ("string", Value::String(_)) => true,
        ("array", Value::Array(_)) | ("object", Value::Object(_)) | ("number", Value::Number(_)) => true,
        ("integer", Value::Number(number)) => {
            integer(number).is_some() || number.as_f64().is_some_and(|float| float.fract() == 0.0)
        }
        _ => false,
    }
}

/// 3.10: equal by value, whatever the order of members and however a number is written.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => order(one, other) == Ordering::Equal,
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let same = |(name, member): (&String, &Value)| other.get(name).is_some_and(|found| equal(member, found));
            one.len() == other.len() && one.iter().all(same)
        }
        _ => one == other,
    }
}

/// 3.10: integers of 64 bits exactly, everything else as binary64.
fn order(one: &Number, other: &Number) -> Ordering {
    match (integer(one), integer(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => {
            let float = |number: &Number| number.as_f64().unwrap_or(f64::NAN);
            float(one).partial_cmp(&float(other)).unwrap_or(Ordering::Equal)
        }
    }
}

fn integer(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

/// A pattern of letters, with anchors at either end or none.
fn matches(pattern: &str, text: &str) -> Option<bool> {
    let (start, rest) = pattern.strip_prefix('^').map_or((false, pattern), |rest| (true, rest));
    let (end, letters) = rest.strip_suffix('$').map_or((false, rest), |rest| (true, rest));
    if !letters.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    Some(match (start, end) {
        (true, true) => text == letters,
        (true, false) => text.starts_with(letters),
        (false, true) => text.ends_with(letters),
        (false, false) => text.contains(letters),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::valid;

    fn judge(schema: Value, value: Value) -> Option<bool> {
        valid(&schema, &schema, &value)
    }

    #[test]
    fn numbers_are_equal_by_value_and_compared_exactly() {
        assert_eq!(judge(json!({"const": 1}), json!(1.0)), Some(true));
        assert_eq!(judge(json!({"const": 0}), json!(false)), Some(false));
        assert_eq!(judge(json!({"maximum": 9_007_199_254_740_992_u64}), json!(9_007_199_254_740_993_u64)), Some(false));
    }

    #[test]
    fn references_are_followed() {
        let schema = json!({"items": {"$ref": "#"}, "type": "array"});
        assert_eq!(judge(schema.clone(), json!([[], [[]]])), Some(true));
        assert_eq!(judge(schema, json!([[], [1]])), Some(false));
    }

    #[test]
    fn nothing_is_said_about_what_is_not_known() {
        assert_eq!(judge(json!({"unevaluatedItems": false}), json!([1])), None);
    }
}
