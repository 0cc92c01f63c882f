//! placeholder
pub mod catalog;
pub mod planner;
pub mod driver {
    //! placeholder
    pub mod perform;
}
