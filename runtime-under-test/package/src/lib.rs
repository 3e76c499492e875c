//! Package gates of the reference runtime: structure, digest, manifest, module, signature, expiry, revocation, chain
