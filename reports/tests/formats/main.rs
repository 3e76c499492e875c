//! Every format, rendered from one full sample report and from one whose every string is an attack.

mod hostile;
mod html;
mod judgement;
mod matrix;
mod sample;
mod schema;
mod text;
mod writing;
