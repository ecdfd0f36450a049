namespace OrleansLLM.Testing;

/// <summary>The error function to double precision, by its series and its continued fraction (Abramowitz and Stegun, 7.1.6 and 7.1.14).</summary>
internal static class ErrorFunction
{
    /// <summary>1 − erf(x).</summary>
    public static double Complement(double x)
    {
        if (x < 0)
        {
            return 2 - Complement(-x);
        }

        return x < 3 ? 1 - Series(x) : Fraction(x);
    }

    private static double Series(double x)
    {
        double term = x, sum = x;
        for (var n = 1; term > sum * 1e-17; n++)
        {
            term *= 2 * x * x / ((2 * n) + 1);
            sum += term;
        }

        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }

    private static double Fraction(double x)
    {
        var tail = x;
        for (var n = 60; n > 0; n--)
        {
            tail = x + (n / 2.0 / tail);
        }

        return Math.Exp(-x * x) / Math.Sqrt(Math.PI) / tail;
    }
}
