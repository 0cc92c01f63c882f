//! placeholder
pub mod catalog;
pub mod driver {
    //! placeholder
    pub mod perform;
}
