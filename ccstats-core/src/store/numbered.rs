//! Numbers that stand for values in the store, the same for ever.

/// A value that is stored as a number.
pub(super) trait Numbered: Copy {
    fn number(self) -> u64;

    /// `None` when only a later version knows the number.
    fn of_number(number: u64) -> Option<Self>;
}

/// Says once which number stands for which value of a type. One that is left out does not
/// compile, where a list to look it up in would have stored it as another one. A new value
/// gets the next number.
macro_rules! numbered {
    ($type:ty: $($number:literal = ($($value:tt)+)),+ $(,)?) => {
        impl $crate::store::numbered::Numbered for $type {
            fn number(self) -> u64 {
                match self { $($($value)+ => $number),+ }
            }

            fn of_number(number: u64) -> Option<$type> {
                match number {
                    $($number => Some($($value)+),)+
                    _ => None,
                }
            }
        }
    };
}
pub(super) use numbered;
