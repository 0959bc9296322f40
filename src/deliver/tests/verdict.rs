//! What each kind of failure means for the deliveries and for the target.
